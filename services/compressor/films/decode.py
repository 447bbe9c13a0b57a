"""Decodes every frame of a video and counts them, the original's and the rendition's; writes nothing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import ffmpeg

from services.compressor.films.ffmpeg import opened, run
from services.compressor.films.movie import check_result, picture
from services.compressor.films.mp4 import Movie, NotMp4, read_movie
from services.compressor.films.progress import part
from services.compressor.verdict import Broken, Keep

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.verdict import Progress


def decoded(path: Path, progress: Progress) -> Movie | None:
    """Decode all of a video and count its frames; None when it is of another container. Raises Broken."""
    movie = _boxes(path)
    on_frame = _of(movie, progress) if movie else lambda _: None
    # Without edit lists every stored frame comes out, and their number must be what the file claims.
    whole = {"ignore_editlist": 1} if movie else {}
    frames, trouble = run(_nowhere(opened(path, **whole)), on_frame)
    if trouble:
        raise Broken(f"the video cannot be decoded to its end: {trouble}")
    if movie and frames < (claimed := picture(movie).samples):
        raise Broken(f"only {frames:,} of {claimed:,} frames can be decoded")
    return movie


def check_rendition(path: Path, source: Movie, progress: Progress) -> Movie:
    """Decode the rendition as a player would, compare it with its source and return it; raises Keep."""
    frames, trouble = run(_nowhere(opened(path)), _of(source, progress))
    if trouble:
        raise Keep(f"the rendition came out damaged: {trouble}")
    try:
        made = read_movie(path)
        check_result(source, made, frames)
    except (NotMp4, struct.error) as error:
        raise Keep(f"the rendition came out damaged: {error}") from error
    return made


def _boxes(path: Path) -> Movie | None:
    try:
        return read_movie(path)
    except (NotMp4, struct.error):
        return None


def _of(movie: Movie, progress: Progress) -> Progress:
    return part(progress, 0.0, 1.0, picture(movie).samples)


def _nowhere(source: Any) -> Any:
    return ffmpeg.output(source["v:0"], source["a?"], "-", f="null", fps_mode="passthrough")
