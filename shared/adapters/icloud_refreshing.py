"""Tells what a look at one asset alone showed: the change feed does not list it when only its original's record changed; it asks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.events import AssetRefreshed
from shared.domain.icloud_records import asset_seen, change_tag

if TYPE_CHECKING:
    from datetime import datetime

    from shared.ports.icloud import Json, WholeAsset


def refreshed(now: WholeAsset, *, known_tag: str, zone: str, at: datetime) -> AssetRefreshed | None:
    """Return what iCloud shows now, if it differs from `known_tag` in the master's part alone; both records have to be there."""
    return shown(now, zone=zone, at=at) if _master_changed(now, known_tag) else None


def shown(now: WholeAsset, *, zone: str, at: datetime) -> AssetRefreshed | None:
    """Return what iCloud shows now, whatever is known; both records have to be there."""
    if now.asset is None or now.master is None:
        return None
    seen = asset_seen(now.asset, now.master, zone)
    key = f"refreshed:{seen.asset}:{seen.change_tag}"
    return AssetRefreshed(id=key, at=at, seen=seen)


def _master_changed(now: WholeAsset, known_tag: str) -> bool:
    asset: Json = now.asset or {}
    own, _, master = change_tag(asset, now.master).partition("/")
    known_own, _, known_master = known_tag.partition("/")
    return bool(own and master) and own == known_own and master != known_master
