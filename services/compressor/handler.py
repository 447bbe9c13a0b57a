"""Compresses one file for its age and reports what became of it; the original is only ever read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from services.compressor.encode import Job, compress
from services.compressor.verdict import Compressed as Made, Left as Kept, Unreadable
from shared.adapters.local_files import make_parents, resolve_beneath
from shared.domain import events
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.compressor.policy import Tier
    from shared.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Compress:
    """The stage `compress`; a rendition's name holds the attempt, so that no two tries can meet."""

    library: Path
    tiers: tuple[Tier, ...]
    seconds: float
    clock: Clock

    async def __call__(self, work: events.FileWork) -> Sequence[events.Report]:
        """Decode, encode where that is worth it, report; raises what `compress` raises."""
        path = rendition_path(work)
        source = resolve_beneath(self.library, f"{work.file.area}/{work.file.path}")
        target = resolve_beneath(self.library, f"{Area.COMPRESS}/{path}")
        await asyncio.to_thread(_make_room, target)
        now = self.clock.now()
        job = Job(source, target, work.created, now, self.tiers, self.seconds)
        return [self._report(work, path, await compress(job))]

    def _report(
        self, work: events.FileWork, path: str, found: Made | Kept | Unreadable
    ) -> events.Report:
        now = self.clock.now()
        match found:
            case Made():
                return work.outcome(
                    events.Compressed,
                    now,
                    path=path,
                    sha256=found.sha256,
                    size=found.size,
                    encoder=found.encoder,
                    settings=found.settings,
                    tier=found.tier,
                )
            case Kept():
                return work.outcome(
                    events.Left, now, reason=found.reason, tier=found.tier, readable=found.readable
                )
            case Unreadable():
                return work.outcome(events.Left, now, reason=found.reason, tier="", readable=False)


def rendition_path(work: events.FileWork) -> str:
    """Return where the rendition goes below `compress/`: by media and attempt, with the original's extension."""
    return f"{work.key}/{work.attempt}{PurePosixPath(work.file.path).suffix}"


def _make_room(target: Path) -> None:
    """Clear what an earlier delivery of this same attempt left when it died before it could report."""
    make_parents(target.parent)
    target.unlink(missing_ok=True)
