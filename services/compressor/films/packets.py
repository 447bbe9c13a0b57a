"""Lists what is stored in a video: when each frame is shown and how many bytes it has, and every packet of sound.

Nothing is decoded. What the rendition stores is held against what the original stores.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

import ffmpeg

from services.compressor.films.ffmpeg import opened, run
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Packets:
    """`times`: when frames are shown, in units of `base` seconds from the film's start, sorted. `sound`: a line a packet.

    `filled[n]`: the bytes of the first n frames.
    """

    base: Fraction
    times: tuple[int, ...]
    filled: tuple[int, ...]
    sound: tuple[str, ...]

    @property
    def all(self) -> tuple[int, int]:
        """How many frames there are, and their bytes."""
        return len(self.times), self.filled[-1]

    def within(self, start: float, seconds: float) -> tuple[int, int]:
        """Return how many frames are shown from `start` until before `seconds` later, and their bytes."""
        first, last = (
            bisect_left(self.times, at / float(self.base)) for at in (start, start + seconds)
        )
        return last - first, self.filled[last] - self.filled[first]


def packets(path: Path) -> Packets:
    """Return the packets of the first video stream and of all sound; raises Keep when they cannot be listed."""
    read = opened(path)
    with tempfile.TemporaryFile("r+", encoding="utf-8") as rows:
        place = f"/proc/{os.getpid()}/fd/{rows.fileno()}"
        job = ffmpeg.output(
            read["v:0"], read["a?"], place, f="framehash", hash="sha256", codec="copy"
        )
        _, trouble = run(job, lambda _: None)
        if trouble:
            raise Keep(f"its packets could not be compared: {trouble}")
        rows.seek(0)
        return _read(line.strip() for line in rows)


def _read(lines: Iterable[str]) -> Packets:
    """Take ffmpeg's rows apart: stream, decoding time, time, duration, size, hash."""
    base, frames, sound = Fraction(1), list[tuple[int, int]](), list[str]()
    for line in lines:
        if line.startswith("#tb 0:"):
            base = Fraction(line.partition(":")[2].strip())
        elif line.startswith("0,"):
            cells = line.split(",")
            frames.append((int(cells[2]), int(cells[4])))
        elif line[:1].isdigit():
            sound.append(line)
    frames.sort()
    filled = accumulate((size for _, size in frames), initial=0)
    return Packets(base, tuple(time for time, _ in frames), tuple(filled), tuple(sound))


def check_packets(old: Packets, new: Packets) -> None:
    """Raise Keep unless every frame is shown at the same time and every packet of sound is the same."""
    if (old.base, old.times) != (new.base, new.times):
        raise Keep("the rendition shows its frames at other times")
    if old.sound != new.sound:
        raise Keep("the rendition's sound differs")
