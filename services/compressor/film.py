"""Makes a video smaller: decodes all of it, finds the setting by samples, encodes, and counts only what was checked whole.

It never changes the original, and what it cannot prove to be kept is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.compressor.ffmpeg_program import can_judge, program
from services.compressor.film_carry import carry_over, check_account
from services.compressor.film_decode import check_rendition, decoded
from services.compressor.film_encode import PRESET, encode_whole
from services.compressor.film_look import search, whole
from services.compressor.film_packets import check_packets, packets
from services.compressor.film_parts import obstacle
from services.compressor.film_progress import only_forward, part
from services.compressor.film_search import STRIDE_MARGIN, Found, better, stride
from services.compressor.film_work import Work
from services.compressor.movie import check_carried
from services.compressor.policy import Encode, Leave
from services.compressor.tiers import Film
from services.compressor.verdict import Keep, Made

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.film_search import Look
    from services.compressor.mp4 import Movie
    from services.compressor.verdict import Progress

_FINALS = 3  # whole encodes before the original stays
_READ, _SEARCHED, _ENCODED, _CHECKED = 0.05, 0.25, 0.8, 0.85  # of the progress told


def video(source: Path, temp: Path, order: Encode | Leave, progress: Progress) -> Made:
    """Decode `source` completely, then make what `order` says at `temp`.

    Raises Keep, Broken, NoFfmpeg, and OSError when the disk, not the video, is at fault.
    """
    told = only_forward(progress)
    movie = decoded(source, part(told, 0.0, _READ))
    work = _accepted(source, temp, order, movie)
    return Made("x265", _smallest(work, told), work.picture.width, work.picture.height)


def _accepted(source: Path, temp: Path, order: Encode | Leave, movie: Movie | None) -> Work:
    """Return what is to be done; raises Keep for a video that is not to be encoded, or would lose something."""
    if isinstance(order, Leave):
        raise Keep(order.reason)
    if movie is None:
        raise Keep("it is neither MP4 nor QuickTime")
    if not isinstance(order.setting, Film):
        raise Keep(f"no encoder is set for {order.kind}")
    check_carried(movie)
    if reason := obstacle(source):
        raise Keep(reason)
    if not can_judge(program()):
        raise Keep(
            "no ffmpeg with libvmaf and libx265 is installed, so its look could not be judged"
        )
    return Work(source, temp, order.setting, movie, packets(source))


def _smallest(work: Work, progress: Progress) -> str:
    """Leave at the temporary path the rendition that clears the floor as a whole, and return its numbers; raises Keep."""
    clock = _Clock()
    found = search(work, part(progress, _READ, _SEARCHED))
    _check_size(work, found)
    searched = clock.lap()
    crf, missed = found.crf, list(found.missed)
    every = stride(work.picture.samples)
    for final in range(1, _FINALS + 1):
        if crf is None:
            break
        encode_whole(work, crf, part(progress, _SEARCHED, _ENCODED, work.picture.samples))
        encoded = clock.lap()
        carry_over(work.source, work.temp)
        seen = _judged(work, every, progress)
        if seen.clears(work.setting, STRIDE_MARGIN if every > 1 else 0.0):
            progress(1.0)
            return (
                f"crf={crf} preset={PRESET} vmaf={seen.mean:.2f} p5={seen.p5:.2f} floor={work.setting.floor:g}"
                f" floor_p5={work.setting.floor_p5:g} every={every} ratio={_ratio(work):.3f} tries={found.tries}"
                f" finals={final} search={searched:.1f}s encode={encoded:.1f}s gate={clock.lap():.1f}s"
            )
        missed.append(f"VMAF {seen} of the whole at CRF {crf}")
        crf = better(crf)
    asked = f"{work.setting.floor:g} (p5 {work.setting.floor_p5:g})"
    raise Keep(f"its look would suffer: {', '.join(missed)}; {asked} is asked for")


def _check_size(work: Work, found: Found) -> None:
    """Spare the whole encode where the samples of the smallest setting are much too large; raises Keep."""
    if found.sample and found.sample.is_hopeless(work.setting):
        raise Keep(
            f"would not be smaller enough: samples at CRF {found.crf} promise {found.sample.ratio:.0%} of the bytes"
        )


def _judged(work: Work, every: int, progress: Progress) -> Look:
    """Check the rendition, all of it: its frames, their times, the sound and tags, and at last its look; raises Keep."""
    check_rendition(work.temp, work.movie, part(progress, _ENCODED, _CHECKED))
    check_packets(work.packets, packets(work.temp))
    check_account(work.source, work.temp)
    return whole(work, every, part(progress, _CHECKED, 1.0, work.picture.samples))


def _ratio(work: Work) -> float:
    return work.temp.stat().st_size / work.source.stat().st_size


class _Clock:
    """Tells the seconds since it was last asked."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        last, self._last = self._last, time.monotonic()
        return self._last - last
