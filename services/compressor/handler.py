"""Compresses one file for its age and reports what became of it; the original is only ever read."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from services.compressor.encode import Job, compress
from services.compressor.original import find_source
from services.compressor.pool.following import Following
from services.compressor.pool.leftovers import rendition_path
from services.compressor.verdict import Compressed as Made, Left as Kept, Unreadable
from shared.adapters.local_files import make_parents, resolve_beneath
from shared.domain import events, work_items
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from services.compressor.pool.turns import Turns
    from services.compressor.tiers.tier import Tier
    from shared.domain.ids import Kind
    from shared.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Compress:
    """The stage `compress`; each try has a name of its own, so that no two can meet."""

    library: Path
    tiers: tuple[Tier, ...]
    longest: Mapping[Kind, float]
    """Seconds of wall time that one file may take, by its kind in iCloud."""
    clock: Clock
    turns: Turns
    archive: Path | None = None
    """Where the NAS is, to compress anew what is no longer in the library; it is only read."""
    following: Following = field(default_factory=Following)

    async def __call__(self, work: work_items.FileWork) -> Sequence[events.Report]:
        """Decode, encode where that is worth it, report; raises what `compress` raises."""
        path, now = rendition_path(work), self.clock.now()
        source = await asyncio.to_thread(find_source, self.library, self.archive, work)
        target = resolve_beneath(self.library, f"{Area.COMPRESS}/{path}")
        seconds = self.longest[work.kind]
        job = Job(source, target, work.created, now, self.tiers, seconds, albums=work.albums)
        async with self.turns.turn(work.kind), _folder_of(target):
            found = await self.following.follow(work, partial(_compress, work, job))
        return [self._report(work, path, found)]

    def _report(
        self, work: work_items.FileWork, path: str, found: Made | Kept | Unreadable
    ) -> events.Report:
        now = self.clock.now()
        match found:
            case Made():
                return work.outcome(
                    events.Compressed,
                    now,
                    path=str(PurePosixPath(path).with_name(found.path.name)),
                    sha256=found.sha256,
                    size=found.size,
                    encoder=found.encoder,
                    settings=found.settings,
                    tier=found.tier,
                    score=found.score,
                    renew_at=_renewal(work, found.until),
                )
            case Kept():
                return work.outcome(
                    events.Left,
                    now,
                    reason=found.reason,
                    tier=found.tier,
                    readable=found.readable,
                    renew_at=_renewal(work, found.until),
                )
            case Unreadable():
                return work.outcome(events.Left, now, reason=found.reason, tier="", readable=False)


async def _compress(
    work: work_items.FileWork,
    job: Job,
    progress: Callable[[float], None],
    frames: Callable[[int], None],
) -> Made | Kept | Unreadable:
    """Do it, and hold it against the rendition that there may be already."""
    made = await compress(job, progress, frames)
    return await _better_than_before(work, _unmeasured(work, made))


def _unmeasured(
    work: work_items.FileWork, found: Made | Kept | Unreadable
) -> Made | Kept | Unreadable:
    """A score against a rendition says nothing of the original, so it is not kept as one."""
    if work.from_rendition is None or not isinstance(found, Made):
        return found
    told = "made from its rendition, as its original is gone: its loss against that is unmeasured"
    return replace(found, score=None, settings=f"{found.settings}; {told}")


async def _better_than_before(
    work: work_items.FileWork, found: Made | Kept | Unreadable
) -> Made | Kept | Unreadable:
    """Drop a rendition that cannot take the place of the one in the archive, or saves nothing against it."""
    if work.present_size is None or not isinstance(found, Made):
        return found
    if found.path.suffix != PurePosixPath(work.present_path or "").suffix:
        reason = "its rendition of before is of another form, and keeps its name"
    elif found.size >= work.present_size:
        reason = (
            f"its rendition of before is no larger: {work.present_size:,} bytes, now {found.size:,}"
        )
    else:
        return found
    await asyncio.to_thread(found.path.unlink)
    return Kept(reason, found.tier, readable=True, until=found.until)


def _renewal(work: work_items.FileWork, until: int | None) -> datetime | None:
    """Return when the photo has the age at which another setting counts for it."""
    try:
        return None if until is None else work.created + timedelta(days=until)
    except OverflowError:  # photos are dated in the year 9999, too
        return None


@asynccontextmanager
async def _folder_of(target: Path) -> AsyncIterator[None]:
    """Make the folder; let none stay behind that is empty."""
    await asyncio.to_thread(make_parents, target.parent)
    try:
        yield
    finally:
        with suppress(OSError):  # something is in it
            target.parent.rmdir()
