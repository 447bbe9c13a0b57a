"""Makes a long film smaller: pieces of it find the setting, and the finished rendition is scored as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.compressor.films.encode import encode_whole, enough
from services.compressor.films.gate import Clock, Numbers, complete, too_poor
from services.compressor.films.look import search, whole
from services.compressor.films.progress import part
from services.compressor.films.search import STRIDE_MARGIN, Found, better, stride
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from services.compressor.films.work import Work
    from services.compressor.verdict import Progress

_FINALS = 3  # whole encodes before the original stays
_SEARCHED, _ENCODED, _CHECKED = 0.2, 0.8, 0.85  # of the progress told


def make_long(work: Work, progress: Progress) -> Numbers:
    """Leave at the temporary path the rendition that clears the floor as a whole, and return its numbers; raises Keep."""
    clock = Clock()
    found = search(work, part(progress, 0.0, _SEARCHED))
    _check_size(work, found)
    searched = clock.lap()
    crf, missed = found.crf, list(found.missed)
    frames = work.picture.samples
    every = stride(frames)
    for final in range(1, _FINALS + 1):
        if crf is None:
            break
        encode_whole(work, crf, part(progress, _SEARCHED, _ENCODED, frames), until=enough(work))
        encoded = clock.lap()
        complete(work, part(progress, _ENCODED, _CHECKED))
        seen = whole(work, every, part(progress, _CHECKED, 1.0, frames))
        gated = clock.lap()
        if seen.clears(work.setting, STRIDE_MARGIN if every > 1 else 0.0):
            return Numbers(crf, seen, every, found.tries, final, searched, encoded, gated)
        missed.append(f"VMAF {seen} of the whole at CRF {crf}")
        crf = better(crf)
    raise too_poor(work.setting, missed)


def _check_size(work: Work, found: Found) -> None:
    """Spare the whole encode where the samples of the smallest setting are much too large; raises Keep."""
    if found.sample and found.sample.is_hopeless(work.setting):
        raise Keep(
            f"would not be smaller enough: samples at CRF {found.crf} promise {found.sample.ratio:.0%} of the bytes"
        )
