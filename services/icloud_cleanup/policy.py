"""Pure decisions about a deletion: what to claim, what a permit is worth now; it can neither ask nor delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.icloud_fields import moment, value
from shared.domain.icloud_records import asset_seen, is_deleted, own_tag
from shared.domain.questions import ClaimDeletion, Claimed

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.icloud_fields import Record
    from shared.domain.work_items import AssetWork


@dataclass(frozen=True, slots=True)
class Fresh:
    """An asset as iCloud answered at `fetched_at`; `asset` is None when iCloud has no such record."""

    asset: Record | None
    master: Record | None
    in_album: bool
    fetched_at: datetime
    albums_asked: tuple[str, ...] = ()
    """Names of the albums that protect, for which it was asked whether they hold it."""
    kept_by_albums: tuple[str, ...] = ()
    """Those that do."""

    @property
    def deleted(self) -> bool:
        """True when it is in Recently Deleted, or gone for good."""
        return self.asset is None or is_deleted(self.asset)

    @property
    def expunged(self) -> datetime | None:
        """When iCloud will forget it, if it says so."""
        return moment(value(self.asset, "dateExpunged")) if self.asset else None

    @property
    def own_tag(self) -> str:
        """The CPLAsset's own change tag, which the deletion carries."""
        return own_tag(self.asset or {})


def claim(work: AssetWork, fresh: Fresh) -> ClaimDeletion:
    """Put what iCloud just answered into the question for a permit."""
    seen = asset_seen(fresh.asset or {}, fresh.master, work.zone)
    gone = None if fresh.asset is not None else "iCloud no longer has its record"
    return ClaimDeletion(
        asset=seen.asset or work.asset,
        attempt=work.attempt,
        zone=_zone(fresh.asset) or work.zone,
        change_tag=seen.change_tag,
        fetched_at=fresh.fetched_at,
        in_album=fresh.in_album,
        deleted=fresh.deleted,
        problem=gone or seen.problem,
        resources=tuple(
            (part.resource, part.checksum)
            for part in seen.resources
            if not part.resource.is_metadata
        ),
        albums_asked=fresh.albums_asked,
        kept_by_albums=fresh.kept_by_albums,
    )


def _zone(asset: Record | None) -> str:
    zone = (asset or {}).get("zoneID")
    name = zone.get("zoneName") if isinstance(zone, dict) else None
    return name if isinstance(name, str) else ""


def objection(claimed: Claimed, fresh: Fresh, now: datetime) -> str | None:
    """Say why a permit that was given must not be used, or None."""
    if claimed.deadline is None or now >= claimed.deadline:
        return "the permit ran out before it was used"
    if fresh.kept_by_albums:
        return f"it is in the album '{fresh.kept_by_albums[0]}' (deletion.never_delete_albums)"
    if not fresh.own_tag:
        return "iCloud states no change tag for it"
    return None
