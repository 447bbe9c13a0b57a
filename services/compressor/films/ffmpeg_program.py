"""Chooses the ffmpeg that is run, and learns once what it can do; it opens no photo and no video."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from functools import cache


class NoFfmpeg(Exception):
    """No ffmpeg is installed: no video can be examined."""


@cache
def program() -> str:
    """Return the first ffmpeg that has libvmaf and libx265 (the system's, or the Python package's), else any.

    Raises NoFfmpeg.
    """
    found = [path for path in (shutil.which("ffmpeg"), _packaged()) if path]
    if not found:
        raise NoFfmpeg("No ffmpeg was found; install it or set IMAGEIO_FFMPEG_EXE.")
    return next(filter(can_judge, found), found[0])


@cache
def can_judge(path: str) -> bool:
    """Tell whether this ffmpeg can encode by x265 and measure VMAF."""
    return all(
        re.search(rf"\b{name}\b", _listed(path, what))
        for what, name in (("-filters", "libvmaf"), ("-encoders", "libx265"))
    )


def learn() -> None:
    """Choose now, so that every process forked from this one knows; without any ffmpeg the first video says so."""
    with suppress(NoFfmpeg):
        can_judge(program())


def _packaged() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _listed(path: str, what: str) -> str:
    done = subprocess.run(  # noqa: S603 - the program is our own choice
        [path, "-hide_banner", what], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.stdout.decode("utf-8", "replace")
