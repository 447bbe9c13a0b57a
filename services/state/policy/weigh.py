"""The facts of an asset in the gate's own terms; it translates and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.state.policy import kinds
from shared.domain.albums import among
from shared.domain.gate import AssetFacts, MediaFacts, NasEvidence
from shared.domain.ids import GoogleLevel, Resource
from shared.domain.release import Retired

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from services.state.policy.facts import Asset, Media, Task
    from services.state.policy.rules import Policy

_OF_KIND: Final[dict[str, Callable[[Asset], bool]]] = {
    "favorites": lambda asset: asset.favorite,
    "hidden": lambda asset: asset.hidden,
    "videos": kinds.is_video,
    "live": kinds.is_live,
    "raw": kinds.has_raw,
}
_CALLED: Final = {
    "favorites": "favourites",
    "hidden": "hidden photos",
    "videos": "videos",
    "live": "Live Photos",
    "raw": "RAW photos",
}
MUTATORS = frozenset({"nas", "rendition"})
"""Stages that put a copy somewhere or move it."""


def moving(tasks: Iterable[Task]) -> frozenset[int]:
    """Return the media of which a copy is being made or moved at this instant."""
    return frozenset(task.key for task in tasks if task.active and task.stage in MUTATORS)


def asset_facts(asset: Asset, in_motion: Collection[int], policy: Policy) -> AssetFacts:
    """Translate an asset with its current media."""
    return AssetFacts(
        asset=asset.icloud_id,
        zone=asset.zone,
        change_tag=asset.change_tag,
        record=asset.record_checksum,
        created=asset.created,
        pending_since=asset.pending_since,
        problem=asset.problem,
        vetoed=asset.removal == "vetoed",
        approved=asset.approved,
        media=tuple(
            media_facts(media, media.id in in_motion, policy.google.leaves_out(asset, media))
            for media in asset.current
        ),
        waiting=asset.removal in {"pending", "intent"},
        exempt=_exempt(asset, policy),
    )


def _exempt(asset: Asset, policy: Policy) -> str | None:
    for name in policy.never_delete:
        if _OF_KIND[name](asset):
            return f"{_CALLED[name]} are never deleted (deletion.never_delete)"
    for album in among(asset.albums, policy.deletion.never_delete_albums):
        return f"it is in the album '{album}' (deletion.never_delete_albums)"
    return None


def media_facts(media: Media, in_motion: bool, left_out: str | None = None) -> MediaFacts:
    """Translate one file; `left_out` is why it is not sent to Google Photos."""
    provable = media.google not in {"refused", "suspect", "exempt"}
    return MediaFacts(
        media=media.id,
        resource=Resource(media.resource),
        checksum=media.checksum,
        sha256=media.sha256,
        readable=media.readable,
        compression_finished=media.compression not in {"none", "compressed"},
        in_motion=in_motion,
        nas=_nas(media),
        google=GoogleLevel(media.google) if provable else GoogleLevel.NONE,
        google_objection=media.google_objection,
        google_left_out=left_out if media.google == "none" else None,
    )


def retired(asset: Asset, media: Media, in_motion: bool) -> Retired:
    """Translate a file whose original lies behind its rendition, or may do so."""
    return Retired(
        media=media_facts(media, in_motion),
        removal=asset.removal,
        deleted_at=asset.deleted_at,
        has_rendition=media.compression == "archived",
    )


def _nas(media: Media) -> NasEvidence | None:
    if media.nas != "verified" or media.sha256 is None or media.nas_verified_at is None:
        return None
    return NasEvidence(
        sha256=media.sha256,
        verified_at=media.nas_verified_at,
        archive=media.nas_archive or "",
        file_system=media.nas_file_system or "",
        path=media.nas_path or "",
        grade=media.nas_grade or "weak",
    )
