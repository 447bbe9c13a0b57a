"""The specification's own columns, derived for people from the facts; nothing decides by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.domain.ids import GoogleLevel

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Media


def derived(asset: Asset, media: Media, library_root: str, level: GoogleLevel) -> dict[str, Any]:
    """Return the derived columns of a media row; `level` is the Google evidence that counts as synced."""
    return {
        "local_path": f"{library_root}/{media.area}/{media.path}" if media.on_disk else None,
        "status": status(asset, media),
        "synced_google": "yes" if _google_synced(media, level) else None,
        "synced_nas": {"verified": "yes", "released": "rendition", "mismatch": "lost"}.get(
            media.nas
        ),
        "album_moved": int(asset.removal in {"pending", "intent", "deleted", "purged"}),
        "deleted_icloud": "yes" if asset.removal in {"deleted", "purged"} else None,
        "current_size": media.rendition_size if media.has_rendition else media.initial_size,
    }


def _google_synced(media: Media, level: GoogleLevel) -> bool:
    if media.google in {"refused", "suspect", "exempt"}:
        return False
    return GoogleLevel(media.google).rank >= level.rank


def status(asset: Asset, media: Media) -> str:
    """Say in one word how far a media is."""
    if media.local in {"wanted", "superseded"}:
        return media.local
    if asset.removal in {"pending", "intent"}:
        return "delete_pending"
    if asset.removal in {"vetoed", "deleted", "purged", "restored"}:
        return asset.removal
    if media.compression == "compressed" or media.has_rendition:
        return "compressed"
    if media.nas == "verified" and media.google not in {"none", "staged"}:
        return "backed_up"
    return "downloaded"
