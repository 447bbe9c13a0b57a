"""Decodes every video completely, and makes smaller ones by x265 through ffmpeg; never changes the source.

One thread a process: two encodes side by side beat one encode with two threads. ffmpeg may open nothing but the
one local file it is given.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import ffmpeg

from services.compressor.film_search import (
    STRIDE_MARGIN,
    better,
    find_crf,
    look,
    pieces,
    stride,
)
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
_FINALS = 3  # whole encodes before the original stays
_SEARCHED, _ENCODED = 0.2, 0.9  # of the progress told
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
    if not can_judge(program()):
        raise Keep(
            "no ffmpeg with libvmaf and libx265 is installed, so its look could not be judged"
        )
    settings = _smallest(source, temp, order.setting, movie, progress)
    track = picture(movie)
    return Made("x265", settings, track.width, track.height)


def _smallest(source: Path, temp: Path, setting: Film, movie: Movie, progress: Progress) -> str:
    """Leave at `temp` the rendition that clears the floor as a whole, and return its numbers; raises Keep."""
    started = time.monotonic()
    told: list[str] = []
    crf, tries = find_crf(
        setting, lambda crf: _sample_passes(source, temp, setting, crf, movie, told)
    )
    searched = time.monotonic() - started
    progress(_SEARCHED)
    every = stride(picture(movie).samples)
    margin = STRIDE_MARGIN if every > 1 else 0.0
    heard = _only_forward(progress)
    for final in range(1, _FINALS + 1):
        if crf is None:
            break
        _encode(source, temp, setting, crf, movie, heard)
        _check(temp, movie)
        check_packets(source, temp)
        scores = _scores(_input(temp), _input(source), every)
        if len(scores) != (due := -(-picture(movie).samples // every)):
            raise Keep(
                f"its look could not be judged: {len(scores):,} of {due:,} frames were scored"
            )
        found = look(scores)
        if found.clears(setting, margin):
            progress(1.0)
            ratio = temp.stat().st_size / source.stat().st_size
            return (
                f"crf={crf} preset={_PRESET} vmaf={found.mean:.2f} p5={found.p5:.2f} floor={setting.floor:g}"
                f" floor_p5={setting.floor_p5:g} every={every} ratio={ratio:.3f} tries={tries}"
                f" finals={final} search={searched:.1f}s"
            )
        told.append(f"VMAF {found} of the whole at CRF {crf}")
        crf = better(crf)
    asked = f"{setting.floor:g} (p5 {setting.floor_p5:g})"
    raise Keep(f"its look would suffer: {', '.join(told)}; {asked} is asked for")


def _only_forward(progress: Progress) -> Progress:
    """Spread an encode's progress over what is left after the search; a second encode never takes it back."""
    most = _SEARCHED

    def heard(done: float) -> None:
        nonlocal most
        most = max(most, _SEARCHED + (_ENCODED - _SEARCHED) * done)
        progress(most)

    return heard


def _sample_passes(
    source: Path, temp: Path, setting: Film, crf: int, movie: Movie, told: list[str]
) -> bool:
    """Encode the samples to `temp`, one after another, and score them; a miss is told to `told`."""
    seconds = picture(movie).seconds
    scores: list[float] = []
    for cut in [{"ss": p.start, "t": p.seconds} for p in pieces(seconds)] or [{}]:
        job = ffmpeg.output(_input(source, **cut)["v:0"], f"file:{temp}", f="mov", **_quality(crf))
        _, trouble = _run(job, lambda _: None)
        if trouble:
            raise Keep(f"ffmpeg could not encode a sample of it: {trouble}")
        scores += _scores(_input(temp), _input(source, **cut), 1)
    found = look(scores)
    if passed := found.clears(setting, STRIDE_MARGIN if pieces(seconds) else 0.0):
        return passed
    told.append(f"VMAF {found} of samples at CRF {crf}")
    return False


def _scores(made: Any, source: Any, every: int) -> list[float]:
    """Return the VMAF of every so many frames, paired by their number; raises Keep.

    setpts counts in the time base of its input, so that is set first: else frames of two files are paired wrongly.
    """
    pair = [
        side["v:0"].filter("settb", "1/25").filter("setpts", "N").filter("format", "yuv420p")
        for side in (made, source)
    ]
    with (
        tempfile.TemporaryFile() as log
    ):  # has no name, so that nothing stays behind when this process is killed
        place = f"/proc/{os.getpid()}/fd/{log.fileno()}"
        judged = ffmpeg.filter(
            pair, "libvmaf", n_threads=1, n_subsample=every, log_fmt="json", log_path=place
        )
        _, trouble = _run(ffmpeg.output(judged, "-", f="null"), lambda _: None)
        if trouble:
            raise Keep(f"its look could not be judged: {trouble}")
        log.seek(0)
        try:
            return [float(frame["metrics"]["vmaf"]) for frame in json.load(log)["frames"]]
        except (ValueError, KeyError) as error:
            raise Keep("its look could not be judged: libvmaf gave no scores") from error


@cache
def program() -> str:
    """Return the first ffmpeg that has libvmaf and libx265 (the system's, or the Python package's), else any.

    Raises NoFfmpeg.
    """
    found = [path for path in (shutil.which("ffmpeg"), _packaged()) if path]
    if not found:
        raise NoFfmpeg("No ffmpeg was found; install it or set IMAGEIO_FFMPEG_EXE.")
    return next(filter(can_judge, found), found[0])


def _packaged() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


@cache
def can_judge(path: str) -> bool:
    """Tell whether this ffmpeg can encode by x265 and measure VMAF."""
    return all(
        re.search(rf"\b{name}\b", _listed(path, what))
        for what, name in (("-filters", "libvmaf"), ("-encoders", "libx265"))
    )


def _listed(path: str, what: str) -> str:
    done = subprocess.run(  # noqa: S603 - the program is our own choice
        [path, "-hide_banner", what], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.stdout.decode("utf-8", "replace")


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


def check_packets(source: Path, temp: Path) -> None:
    """Raise Keep unless every frame is shown at the same time and every packet of sound is the same."""
    old, new = _packets(source), _packets(temp)
    if old[0] != new[0]:
        raise Keep("the rendition shows its frames at other times")
    if old[1] != new[1]:
        raise Keep("the rendition's sound differs")


def _packets(path: Path) -> tuple[list[int | str], list[str]]:
    """Return the video's time base and the times its frames are shown at, and what every packet of sound is."""
    read = _input(path)
    with tempfile.TemporaryFile("r+", encoding="utf-8") as rows:
        place = f"/proc/{os.getpid()}/fd/{rows.fileno()}"
        job = ffmpeg.output(
            read["v:0"], read["a?"], place, f="framehash", hash="sha256", codec="copy"
        )
        _, trouble = _run(job, lambda _: None)
        if trouble:
            raise Keep(f"its packets could not be compared: {trouble}")
        rows.seek(0)
        lines = [line.strip() for line in rows]
    times = sorted(int(line.split(",")[2]) for line in lines if line.startswith("0,"))
    base = next((line for line in lines if line.startswith("#tb 0:")), "")
    return [base, *times], [line for line in lines if line[:1].isdigit() and line[:2] != "0,"]


def _input(path: Path, **options: Any) -> Any:
    limits = {"protocol_whitelist": "file,pipe", "threads": 1, "noautorotate": None}
    return ffmpeg.input(f"file:{path}", **limits, **options)


def _null(source: Any) -> Any:
    return ffmpeg.output(source["v:0"], source["a?"], "-", f="null", fps_mode="passthrough")


def _quality(crf: int) -> dict[str, Any]:
    return {
        "vcodec": "libx265",
        "preset": _PRESET,
        "crf": crf,
        "threads": 1,
        "fps_mode": "passthrough",
        "x265-params": _X265,
        "tag:v": "hvc1",
    }


def _encode(
    source: Path, temp: Path, setting: Film, crf: int, movie: Movie, progress: Progress
) -> None:
    """Encode, and stop as soon as the rendition has grown too big to be worth it."""
    enough = int(source.stat().st_size * setting.max_ratio)
    read = _input(source)
    job = ffmpeg.output(
        read["v:0"],
        read["a?"],
        f"file:{temp}",
        f="mov" if movie.brand == b"qt  " else "mp4",
        fs=enough,
        video_track_timescale=picture(movie).scale,
        enc_time_base="demux",
        acodec="copy",
        map_metadata=0,
        movflags="+faststart+use_metadata_tags",
        **_quality(crf),
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
