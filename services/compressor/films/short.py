"""Makes a short film smaller: each try encodes and scores all of it, and the best one that passed is the rendition.

Most videos of a phone are that short (Live Photos above all): nothing is encoded or scored twice.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from services.compressor.films.encode import encode_whole
from services.compressor.films.gate import Clock, Numbers, complete, too_poor
from services.compressor.films.look import whole
from services.compressor.films.progress import part
from services.compressor.films.search import Look, Sample, find_crf

if TYPE_CHECKING:
    from services.compressor.films.work import Work
    from services.compressor.verdict import Progress

_TRIED = 0.9  # of the progress told


@dataclass
class _Best:
    """The last rendition that passed, without a name, so that nothing stays behind when this process is killed."""

    open_files: ExitStack
    look: Look = field(default_factory=lambda: Look(0.0, 0.0))
    encode: float = 0.0
    score: float = 0.0
    file: BinaryIO | None = None

    def keep(self, work: Work) -> None:
        """Take the rendition from its path."""
        self.file = self.open_files.enter_context(work.temp.open("rb"))
        work.temp.unlink()

    def put_back(self, work: Work) -> None:
        """Write it to its path again."""
        if self.file:
            with work.temp.open("wb") as target:
                shutil.copyfileobj(self.file, target, 1 << 20)


def make_short(work: Work, progress: Progress) -> Numbers:
    """Leave at the temporary path the smallest rendition found that clears the floor, and return its numbers; raises Keep."""
    tries = work.setting.tries
    each = (part(progress, _TRIED * n / tries, _TRIED * (n + 1) / tries) for n in range(tries))
    clock = Clock()
    with ExitStack() as files:
        best = _Best(files)
        found = find_crf(work.setting, lambda crf: _tried(work, crf, best, next(each)), 0.0)
        if found.crf is None:
            raise too_poor(work.setting, found.missed)
        best.put_back(work)
    searched = clock.lap() - best.encode - best.score
    complete(work, part(progress, _TRIED, 1.0))
    gated = best.score + clock.lap()
    return Numbers(found.crf, best.look, 1, found.tries, 1, searched, best.encode, gated)


def _tried(work: Work, crf: int, best: _Best, progress: Progress) -> Sample:
    """Encode and score all of it; keep what passes, as find_crf only goes on to what is smaller."""
    frames = work.picture.samples
    clock = Clock()
    encode_whole(work, crf, part(progress, 0.0, 0.5, frames), until=None)
    encoded = clock.lap()
    seen = whole(work, 1, part(progress, 0.5, 1.0, frames))
    ratio = work.temp.stat().st_size / work.source.stat().st_size
    if seen.clears(work.setting):
        best.look, best.encode, best.score = seen, encoded, clock.lap()
        best.keep(work)
    return Sample(seen, ratio)
