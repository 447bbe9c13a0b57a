"""Makes a video smaller: decodes all of it, finds the setting by samples, encodes, and counts only what was checked whole.

It never changes the original, and what it cannot prove to be kept is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.compressor.films.account import obstacle
from services.compressor.films.decode import decoded
from services.compressor.films.ffmpeg_program import can_judge, program
from services.compressor.films.long import make_long
from services.compressor.films.movie import check_carried
from services.compressor.films.packets import packets
from services.compressor.films.progress import only_forward, part
from services.compressor.films.search import pieces
from services.compressor.films.short import make_short
from services.compressor.films.stream import read_stream
from services.compressor.films.work import Work
from services.compressor.tiers.policy import Encode, Leave
from services.compressor.tiers.tier import Film
from services.compressor.verdict import Keep, Made

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.films.mp4 import Movie
    from services.compressor.verdict import Progress

_READ = 0.05  # of the progress told


def video(source: Path, temp: Path, order: Encode | Leave, progress: Progress) -> Made:
    """Decode `source` completely, then make what `order` says at `temp`.

    Raises Keep, Broken, NoFfmpeg, and OSError when the disk, not the video, is at fault.
    """
    told = only_forward(progress)
    movie = decoded(source, part(told, 0.0, _READ))
    work = _accepted(source, temp, order, movie)
    make = make_long if pieces(work.picture.seconds) else make_short
    numbers = make(work, part(told, _READ, 1.0))
    told(1.0)
    made = work.picture
    return Made("x265", numbers.told(work), made.width, made.height, score=numbers.look.mean)


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
    return Work(source, temp, order.setting, movie, packets(source), read_stream(source, movie))
