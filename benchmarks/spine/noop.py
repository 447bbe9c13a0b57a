"""What each stage answers at once when it does no work; the answers are true in form, and no file exists behind them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.adapters.clock import SystemClock
from shared.domain import events, questions, work_items
from shared.domain.ids import OWN_ZONE, GoogleLevel, Kind, Resource
from shared.domain.seen import AssetSeen, ResourceSeen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from shared.ports.bus import Ask

clock = SystemClock()
ARCHIVE = {"grade": "cold", "archive": "archive-1", "file_system": "disk-1"}
LEVELS = (GoogleLevel.ARRIVED, GoogleLevel.SETTLED, GoogleLevel.FREED)
SIZE = 2_000_000


def sha(text: str) -> str:
    """Return a hash that looks like a file's."""
    return hashlib.sha256(text.encode()).hexdigest()


def asset_seen(name: str, created: datetime) -> AssetSeen:
    """List one asset: one photo and its record, that is two files."""
    original = ResourceSeen(
        resource=Resource.ORIGINAL, checksum=f"c-{name}", size=SIZE,
        file_type="public.jpeg", extension=".JPG", kind=Kind.PHOTO,
    )  # fmt: skip
    record = original.model_copy(
        update={"resource": Resource.RECORD, "checksum": f"t-{name}", "extension": ".json"}
    )
    return AssetSeen(
        asset=name, zone=OWN_ZONE, change_tag=f"t-{name}", filename=f"{name}.JPG",
        created=created, resources=(original, record),
    )  # fmt: skip


def page_seen(number: int, assets: Iterable[AssetSeen]) -> events.PageSeen:
    """Make one page of iCloud's change feed."""
    return events.PageSeen(
        id=f"page:{number}", at=clock.now(), zone=OWN_ZONE, token=f"token-{number}", final=True,
        assets=tuple(assets),
    )  # fmt: skip


async def download(work: work_items.DownloadWork) -> events.Report:
    """Say that the resource was downloaded."""
    return work.outcome(
        events.Downloaded, clock.now(), sha256=sha(work.checksum), size=work.size,
        area="backup", path=work.path,
    )  # fmt: skip


async def pixel(work: work_items.FileWork) -> Sequence[events.Report]:
    """Say that the file was staged, and at once all that the phone ever shows of it."""
    now = clock.now()
    seen = (
        events.GoogleEvidence(
            id=f"google:{work.key}:{level}", at=now, media=work.key, asset=work.asset, level=level
        )
        for level in LEVELS
    )
    return (work.outcome(events.Staged, now, path=work.file.path, mtime_ns=1), *seen)


async def nas(work: work_items.FileWork) -> events.Report:
    """Say that the NAS holds the original."""
    return work.outcome(
        events.NasVerified, clock.now(), path=work.file.path, sha256=work.file.sha256,
        size=work.file.size, **ARCHIVE,
    )  # fmt: skip


async def compress(work: work_items.FileWork) -> events.Report:
    """Say that a rendition was made."""
    return work.outcome(
        events.Compressed, clock.now(), path=work.file.path, sha256=sha("small"), size=400_000,
        encoder="none", settings="none", tier="light",
    )  # fmt: skip


async def rendition(work: work_items.RenditionWork) -> events.Report:
    """Say that the rendition took the original's place."""
    return work.outcome(
        events.RenditionArchived, clock.now(), rendition_path=work.file.path,
        original_path=f".originals/{work.file.path}", original_sha256=work.file.sha256, **ARCHIVE,
    )  # fmt: skip


async def kept(work: work_items.RenditionWork) -> events.Report:
    """Say that an original stays; the settings here keep all of them."""
    return work.outcome(events.ReleaseKept, clock.now(), reasons=("it is a benchmark",))


async def album(work: work_items.AssetWork) -> events.Report:
    """Say that the asset is in the album."""
    return work.outcome(events.AlbumAdded, clock.now())


async def returned(work: work_items.AssetWork) -> events.Report:
    """Say that a vetoed asset's files are back."""
    return work.outcome(events.AlbumReturned, clock.now())


def purging(ask: Ask) -> Callable[[work_items.AssetWork], Awaitable[events.Report]]:
    """Return the handler of purges: it asks for the real permit and says that what it names is gone."""

    async def purge(work: work_items.AssetWork) -> events.Report:
        claim = questions.ClaimPurge(asset=work.asset, attempt=work.attempt)
        claimed = await ask("claim_purge", claim, questions.ClaimedPurge)
        if claimed.deadline is None:
            return work.outcome(events.PurgeKept, clock.now(), reasons=claimed.reasons)
        return work.outcome(events.Purged, clock.now(), media=claimed.media)

    return purge


def deleting(ask: Ask) -> Callable[[work_items.AssetWork], Awaitable[events.Report]]:
    """Return the handler of deletions: it asks the real gate and spends the permit at once."""

    async def delete(work: work_items.AssetWork) -> events.Report:
        claim = questions.ClaimDeletion(
            asset=work.asset, attempt=work.attempt, zone=work.zone, change_tag=work.change_tag,
            fetched_at=clock.now(), in_album=True, deleted=False, problem=None,
            resources=((Resource.ORIGINAL, f"c-{work.asset}"),),
        )  # fmt: skip
        claimed = await ask("claim_deletion", claim, questions.Claimed)
        if claimed.permit is None:
            return work.outcome(
                events.DeletionKept, clock.now(), permit=None, veto=claimed.veto,
                reasons=claimed.reasons,
            )  # fmt: skip
        return work.outcome(events.Deleted, clock.now(), permit=claimed.permit, expunged=None)

    return delete
