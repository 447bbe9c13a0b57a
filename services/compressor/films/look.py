"""Judges how a video looks beside its original, by VMAF: samples of it at a CRF, and the finished rendition; never by eye.

An HDR film is judged in several views (see views.py), and looks as it does in the worst of them.
A frame that should have a score and has none is a doubt, and a doubt leaves the original as it is.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final

import ffmpeg

from services.compressor.films.encode import encode_sample
from services.compressor.films.ffmpeg import opened, run
from services.compressor.films.progress import part
from services.compressor.films.search import (
    SAMPLE_MARGIN,
    Found,
    Look,
    Piece,
    Sample,
    find_crf,
    look,
    lowest,
    pieces,
)
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.compressor.films.work import Work
    from services.compressor.verdict import Progress


_ALIKE: Final = dict.fromkeys(("colorspace", "color_primaries", "color_trc"), "bt709") | {
    "range": "pc"
}
"""What both sides are called before they are compared, so that their stored values are: full range, as ffmpeg converts H.264's
pixels of full range to any that have none. Where one says more of its colours than
the other, ffmpeg converts it without a word: a film that was the same to the last value scored 33 to 50."""


def search(work: Work, progress: Progress) -> Found:
    """Find the CRF by samples, which are made where the rendition will lie; raises Keep when they cannot be judged."""
    cuts = pieces(work.picture.seconds)
    tries = work.setting.tries
    each = (part(progress, n / tries, (n + 1) / tries) for n in range(tries))
    return find_crf(work.setting, lambda crf: _sample(work, crf, cuts, next(each)), SAMPLE_MARGIN)


def _sample(work: Work, crf: int, cuts: Sequence[Piece], progress: Progress) -> Sample:
    """Encode the pieces, one after another, and score every frame of them."""
    scored: list[list[float]] = [[] for _ in work.views]
    stored = filled = 0
    for n, cut in enumerate(cuts):
        frames, size = work.packets.within(cut.start, cut.seconds)
        options = {"ss": cut.start, "t": cut.seconds}
        begin, middle, end = (at / 2 / len(cuts) for at in (2 * n, 2 * n + 1, 2 * n + 2))
        made = encode_sample(work, crf, options, part(progress, begin, middle, frames))
        judged = opened(work.source, **options)
        found = _seen(work, judged, 1, part(progress, middle, end, frames), frames)
        for all_of_it, more in zip(scored, found, strict=True):
            _check_number(len(more), made, frames)
            all_of_it += more
        stored, filled = stored + size, filled + work.temp.stat().st_size
    share = work.packets.all[1] / work.source.stat().st_size
    return Sample(_look(scored), 1 - share * (1 - filled / stored))


def _check_number(scored: int, made: int, due: int) -> None:
    """Raise Keep unless all frames of a piece were scored; a frame on an edge may fall either way."""
    if scored != made or abs(scored - due) > 1 or not due:
        raise Keep(
            f"its look could not be judged: {scored:,} of {due:,} frames of a sample were scored"
        )


def whole(work: Work, every: int, on_frame: Progress) -> Look:
    """Return the look of the finished rendition by every so many frames; raises Keep unless each of them has a score."""
    return _look(scores(work, every, on_frame))


def scores(work: Work, every: int, on_frame: Progress) -> list[list[float]]:
    """Return for each view the VMAF of every so many frames of the finished rendition; raises Keep unless each of them has one."""
    frames = work.picture.samples
    found = _seen(work, opened(work.source), every, on_frame, frames)
    due = -(-frames // every)
    for one in found:
        if len(one) != due:
            raise Keep(f"its look could not be judged: {len(one):,} of {due:,} frames were scored")
    return found


def _look(scored: list[list[float]]) -> Look:
    try:
        return lowest(map(look, scored))
    except ValueError as error:
        raise Keep(f"its look could not be judged: {error}") from error


def _seen(
    work: Work, source: Any, every: int, on_frame: Progress, frames: int
) -> list[list[float]]:
    """Score it in one view after another: all at once would take a gigabyte of memory more for each, in 4K."""
    number = len(work.views)
    return [
        _scores(work, source, every, part(on_frame, frames * n / number, frames * (n + 1) / number, frames), view)
        for n, view in enumerate(work.views)
    ]  # fmt: skip


def _scores(
    work: Work, source: Any, every: int, on_frame: Progress, view: str | None
) -> list[float]:
    """Return the VMAF of every so many frames of what was made, in a view, paired by their number; raises Keep."""
    pair = [_shown(_stored(side, work.pixels), view) for side in (opened(work.temp), source)]
    with (
        tempfile.TemporaryFile() as log
    ):  # has no name, so that nothing stays behind when this process is killed
        place = f"/proc/{os.getpid()}/fd/{log.fileno()}"
        judged = ffmpeg.filter(
            pair, "libvmaf", n_threads=1, n_subsample=every, log_fmt="json", log_path=place
        )
        _, trouble = run(ffmpeg.output(judged, "-", f="null"), on_frame)
        if trouble:
            raise Keep(f"its look could not be judged: {trouble}")
        log.seek(0)
        try:
            return [float(frame["metrics"]["vmaf"]) for frame in json.load(log)["frames"]]
        except (ValueError, KeyError) as error:
            raise Keep("its look could not be judged: libvmaf gave no scores") from error


def _stored(side: Any, pixels: str) -> Any:
    """Return the picture's stored values, frames numbered.

    setpts counts in the time base of its input, so that is set first: else frames of two files are paired wrongly.
    """
    alike = side["v:0"].filter("setparams", **_ALIKE)
    return alike.filter("settb", "1/25").filter("setpts", "N").filter("format", pixels)


def _shown(picture: Any, view: str | None) -> Any:
    return picture.filter("lutyuv", y=view) if view else picture
