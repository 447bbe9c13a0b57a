"""The facts of an asset in the gate's own terms; it translates and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.gate import AssetFacts, MediaFacts, NasEvidence
from shared.domain.ids import GoogleLevel, Resource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from services.state.policy.facts import Asset, Media, Task
    from services.state.policy.rules import Policy

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
        created=asset.created,
        pending_since=asset.pending_since,
        problem=asset.problem,
        vetoed=asset.removal == "vetoed",
        approved=asset.approved,
        media=tuple(media_facts(media, media.id in in_motion) for media in asset.current),
        waiting=asset.removal in {"pending", "intent"},
        exempt=_exempt(asset, policy),
    )


def _exempt(asset: Asset, policy: Policy) -> str | None:
    if policy.never_delete_favorites and asset.favorite:
        return "favourites are never deleted (deletion.never_delete)"
    if policy.never_delete_hidden and asset.hidden:
        return "hidden photos are never deleted (deletion.never_delete)"
    return None


def media_facts(media: Media, in_motion: bool) -> MediaFacts:
    """Translate one file."""
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
