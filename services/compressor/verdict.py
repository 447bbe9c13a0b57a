"""What can become of one file, and the two ways a codec gives up; holds data only.

A codec returns `Made`, or raises `Keep` (the original stays, and why) or `Broken` (its bytes cannot be decoded).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[float], None]
"""Takes the fraction done, 0.0 to 1.0."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: pixels, bytes of a still, bytes of address space, bytes written beyond twice the original."""

    pixels: int = 250_000_000
    file: int = 1 << 30
    memory: int = 4 << 30
    slack: int = 16 << 20


def needs_more_than(memory: int) -> str:
    """Return the reason for people when a file needs more than the limit of `memory` bytes."""
    return f"it needs more than {memory >> 20:,} MiB of memory"


@dataclass(frozen=True, slots=True)
class Made:
    """A whole, verified rendition at the temporary path; sizes in pixels as stored, before any rotation tag."""

    encoder: str
    settings: str
    width: int
    height: int
    score: float | None = None
    """How alike it looks, by its kind's measure: SSIMULACRA2 of a photo, mean VMAF of a video; up to 100, the same."""
    added: str = ""
    """What its name gets behind the original's: it is of another form then, e.g. `.jxl`."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """A rendition lies at `path`: decoded again in full, smaller, its metadata compared, flushed to disk."""

    path: Path
    size: int
    sha256: str
    encoder: str
    settings: str
    tier: str
    seconds: float
    width: int
    height: int
    score: float | None = None
    """As in Made."""
    until: int | None = None
    """The age in days from which another setting counts for it; None: never."""


@dataclass(frozen=True, slots=True)
class Left:
    """The original stays as it is. `readable`: True, decoded completely; None, not examined."""

    reason: str
    tier: str
    readable: bool | None
    until: int | None = None
    """As in Compressed."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The original cannot be decoded to its end: nothing may be deleted on the strength of it."""

    reason: str


class Keep(Exception):
    """The original stays; `readable` as in Left."""

    def __init__(self, reason: str, *, readable: bool | None = True) -> None:
        super().__init__(reason)
        self.readable = readable


class Broken(Exception):
    """The file's bytes cannot be decoded; the text says what is wrong with them."""
