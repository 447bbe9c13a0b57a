"""Decodes every video completely, and makes smaller ones by x265 through ffmpeg; never changes the source.

One thread a process: two encodes side by side beat one encode with two threads. ffmpeg may open nothing but the
one local file it is given.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ffmpeg

from services.compressor.movie import check_carried, check_result, picture
from services.compressor.mp4 import Movie, NotMp4, read_movie
from services.compressor.policy import Encode, Leave
from services.compressor.tiers import Film
from services.compressor.verdict import Broken, Keep, Made

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.verdict import Progress

_FLAGS = ["-hide_banner", "-nostdin", "-nostats", "-xerror", "-v", "error", "-progress", "pipe:2"]
_PRESET = "fast"
_X265 = "pools=none:frame-threads=1:log-level=error"
_STATUS = re.compile(r"^(\w+)=\s*(\S*)\s*$")
_PREFIX = re.compile(r"^\[[^\]]*\] ")
_MAX_COMPLAINTS = 20
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_NO_MEMORY = os.strerror(errno.ENOMEM)
_FULL = os.strerror(errno.ENOSPC)


class Crashed(Exception):
    """ffmpeg died of a signal: that tells nothing about whether the video is whole."""


class NoFfmpeg(Exception):
    """No ffmpeg is installed: no video can be examined."""


def video(source: Path, temp: Path, order: Encode | Leave, progress: Progress) -> Made:
    """Decode `source` completely, then make what `order` says at `temp`.

    Raises Keep, Broken, NoFfmpeg, and OSError when the disk, not the video, is at fault.
    """
    movie = _decoded(source)
    if isinstance(order, Leave):
        raise Keep(order.reason)
    if movie is None:
        raise Keep("it is neither MP4 nor QuickTime")
    if not isinstance(order.setting, Film):
        raise Keep(f"no encoder is set for {order.kind}")
    check_carried(movie)
    _encode(source, temp, order.setting, movie, progress)
    _check(temp, movie)
    track = picture(movie)
    settings = f"crf={order.setting.crf} preset={_PRESET}"
    return Made("x265", settings, track.width, track.height)


def program() -> str:
    """Return the system's ffmpeg, else the one that comes as a Python package; raises NoFfmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise NoFfmpeg("No ffmpeg was found; install it or set IMAGEIO_FFMPEG_EXE.") from error


def _decoded(path: Path) -> Movie | None:
    """Decode all of a video and count its frames; None when it is of another container. Raises Broken."""
    try:
        movie = read_movie(path)
    except (NotMp4, struct.error):
        movie = None
    # Without edit lists every stored frame comes out, and their number must be what the file claims.
    whole = {"ignore_editlist": 1} if movie else {}
    frames, trouble = _run(_null(_input(path, **whole)), lambda _: None)
    if trouble:
        raise Broken(f"the video cannot be decoded to its end: {trouble}")
    if movie and frames < (claimed := picture(movie).samples):
        raise Broken(f"only {frames:,} of {claimed:,} frames can be decoded")
    return movie


def _check(temp: Path, source: Movie) -> None:
    """Decode the rendition as a player would, and compare it with its source; raises Keep."""
    frames, trouble = _run(_null(_input(temp)), lambda _: None)
    if trouble:
        raise Keep(f"the rendition came out damaged: {trouble}")
    try:
        check_result(source, read_movie(temp), frames)
    except (NotMp4, struct.error) as error:
        raise Keep(f"the rendition came out damaged: {error}") from error


def _input(path: Path, **options: Any) -> Any:
    limits = {"protocol_whitelist": "file,pipe", "threads": 1, "noautorotate": None}
    return ffmpeg.input(f"file:{path}", **limits, **options)


def _null(source: Any) -> Any:
    return ffmpeg.output(source["v:0"], source["a?"], "-", f="null", fps_mode="passthrough")


def _encode(source: Path, temp: Path, setting: Film, movie: Movie, progress: Progress) -> None:
    """Encode, and stop as soon as the rendition has grown too big to be worth it."""
    enough = int(source.stat().st_size * setting.max_ratio)
    read = _input(source)
    job = ffmpeg.output(
        read["v:0"],
        read["a?"],
        f"file:{temp}",
        f="mov" if movie.brand == b"qt  " else "mp4",
        vcodec="libx265",
        preset=_PRESET,
        crf=setting.crf,
        fs=enough,
        threads=1,
        acodec="copy",
        map_metadata=0,
        movflags="+faststart+use_metadata_tags",
        fps_mode="passthrough",
        **{"x265-params": _X265, "tag:v": "hvc1"},
        **_tags(movie),
    )
    frames = max(picture(movie).samples, 1)
    encoded, trouble = _run(job, lambda done: progress(min(done / frames, 1.0)))
    if trouble:
        raise Keep(f"ffmpeg could not encode it: {trouble}")
    if encoded < frames and temp.stat().st_size > enough * 0.8:
        raise Keep(
            f"would not be smaller enough: {encoded:,} of {frames:,} frames filled {enough:,} bytes"
        )


def _tags(movie: Movie) -> dict[str, Any]:
    """Say the creation time once more: ffmpeg drops it where a file holds it twice."""
    if not movie.created:
        return {}
    created = f"creation_time={_EPOCH + timedelta(seconds=movie.created):%Y-%m-%dT%H:%M:%SZ}"
    return {"metadata": created, "metadata:s": created}


def _run(job: Any, on_frame: Progress) -> tuple[int, str | None]:
    """Run ffmpeg to its end; return the frames it put out and its first complaint when it failed."""
    job = job.global_args(*_FLAGS)
    frames = 0
    complaints: list[str] = []
    with ffmpeg.run_async(job, cmd=program(), pipe_stderr=True, overwrite_output=True) as running:
        for raw in running.stderr:
            line = raw.decode("utf-8", "replace").strip()
            if not (status := _STATUS.match(line)):
                complaints = [*complaints, line][-_MAX_COMPLAINTS:]
            elif status[1] == "frame":
                frames = int(status[2])
                on_frame(frames)
    return frames, _trouble(running.returncode, complaints)


def _trouble(code: int, complaints: list[str]) -> str | None:
    """Return why ffmpeg failed, None when it did not; raises when the video is not to blame for it."""
    text = "\n".join(complaints)
    if code == 0:
        return None
    if code < 0:
        raise Crashed(f"ffmpeg died of {signal.Signals(-code).name}: {text[-200:]}")
    if _NO_MEMORY in text:
        raise MemoryError
    if _FULL in text:
        raise OSError(errno.ENOSPC, _FULL)
    if "no decoder found" in text or "Decoder not found" in text:
        raise Keep("this ffmpeg has no decoder for one of its streams", readable=None)
    return _PREFIX.sub("", complaints[0]) if complaints else f"exit code {code}"
