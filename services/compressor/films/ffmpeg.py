"""Runs ffmpeg on one file, tells how far it is, and sorts what it complains of; it decides nothing about a video.

One thread a process: two encodes side by side beat one encode with two threads. ffmpeg may open nothing but the
local files it is given.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import ffmpeg

from services.compressor.films.ffmpeg_program import program
from services.compressor.films.frames import FRAMES
from services.compressor.verdict import Keep
from shared.adapters.parent_death import DieWith

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.verdict import Progress

_FLAGS = ["-hide_banner", "-nostdin", "-nostats", "-xerror", "-v", "error", "-progress", "pipe:2"]
_STATUS = re.compile(r"^(\w+)=\s*(\S*)\s*$")
_PREFIX = re.compile(r"^\[[^\]]*\] ")
_MAX_COMPLAINTS = 20
_NO_MEMORY = os.strerror(errno.ENOMEM)
_FULL = os.strerror(errno.ENOSPC)


class Crashed(Exception):
    """ffmpeg died of a signal: that tells nothing about whether the video is whole."""


def opened(path: Path, **options: Any) -> Any:
    """Return `path` as an input: no other protocol than files and pipes, one thread, the picture not turned."""
    limits = {"protocol_whitelist": "file,pipe", "threads": 1, "noautorotate": None}
    return ffmpeg.input(f"file:{path}", **limits, **options)


def run(job: Any, on_frame: Progress) -> tuple[int, str | None]:
    """Run a job to its end; return the frames it put out and its first complaint when it failed.

    `on_frame` hears the number of frames so far, twice a second. Raises Crashed, MemoryError, OSError (disk full)
    and Keep (no decoder), when the video is not to blame.
    """
    job = job.global_args(*_FLAGS)
    frames = 0
    complaints: list[str] = []
    with _started(ffmpeg.compile(job, cmd=program(), overwrite_output=True)) as running:
        for raw in running.stderr or ():
            line = raw.decode("utf-8", "replace").strip()
            if not (status := _STATUS.match(line)):
                complaints = [*complaints, line][-_MAX_COMPLAINTS:]
            elif status[1] == "frame":
                FRAMES.put_out(int(status[2]) - frames)
                frames = int(status[2])
                on_frame(frames)
    return frames, _trouble(running.returncode, complaints)


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    """Start it so that it ends with this process, however that ends: nobody else would know of it."""
    return subprocess.Popen(  # noqa: S603 - the program is our own choice
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=DieWith(os.getpid(), signal.SIGKILL),
    )


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
