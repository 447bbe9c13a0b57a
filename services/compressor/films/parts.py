"""Takes a film's file apart into those parts that ffmpeg makes and those that it drops; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.movie import TIMED
from services.compressor.films.mp4 import MAX_MOOV, NotMp4
from services.compressor.films.mp4_edit import (
    Box,
    bounds,
    chunks,
    handler,
    split,
    track_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = (b"vide", b"soun")
COPIED: Final = (b"meta", b"udta", b"uuid", b"tapt")
"""Boxes of a film or a track that ffmpeg writes anew or drops, and that are copied."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A box of the file itself: its name, and where it, its body and the next box begin."""

    name: bytes
    begin: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A file's boxes and those of its film; raises NotMp4 where they leave anything over."""

    places: tuple[Place, ...]
    film: tuple[Box, ...]

    @property
    def shown(self) -> list[bytes]:
        """The picture, then the sounds in the file's order: as they come out of ffmpeg."""
        return [trak for kind in _SHOWN for trak in self._of(kind)]

    @property
    def timed(self) -> list[bytes]:
        """The tracks that are carried over."""
        return [trak for trak in self.tracks if handler(trak) in TIMED]

    @property
    def tracks(self) -> list[bytes]:
        """All tracks."""
        return [body for name, body in self.film if name == b"trak"]

    @property
    def copied(self) -> list[Box]:
        """The film's boxes that are copied."""
        return [(name, body) for name, body in self.film if name in COPIED]

    @property
    def header(self) -> bytes:
        """The body of mvhd; raises NotMp4 when there is none."""
        found = next((body for name, body in self.film if name == b"mvhd"), b"")
        if len(found) < (112 if found[:1] == b"\x01" else 100):
            raise NotMp4("the film has no header")
        return found

    @property
    def scale(self) -> int:
        """Units of the film's time in a second."""
        return int.from_bytes(self.header[20:24] if self.header[0] == 1 else self.header[12:16])

    def _of(self, kind: bytes) -> list[bytes]:
        return [trak for trak in self.tracks if handler(trak) == kind]


def read_parts(file: BinaryIO) -> Parts:
    """Take a file apart; raises NotMp4 for bytes that belong to nothing, and OSError."""
    places = tuple(_places(file))
    films = [place for place in places if place.name == b"moov"]
    if len(films) != 1 or films[0].end - films[0].body > MAX_MOOV:
        raise NotMp4("it has not one moov box")
    file.seek(films[0].body)
    return Parts(places, tuple(split(file.read(films[0].end - films[0].body))))


def _places(file: BinaryIO) -> Iterator[Place]:
    size, at = file.seek(0, 2), 0
    while at < size:
        file.seek(at)
        name, body, end = bounds(file.read(16), at, size)
        yield Place(name, at, body, end)
        at = end


def samples(file: BinaryIO, parts: Parts) -> Iterator[tuple[bytes, list[tuple[int, int]]]]:
    """Yield each track of timed metadata with its chunks' places; raises NotMp4 where they are not in the file."""
    size = room = file.seek(0, 2)
    for trak in parts.timed:
        found = chunks(trak)
        room -= sum(length for _, length in found)
        if room < 0 or any(begin + length > size for begin, length in found):
            raise NotMp4("its timed metadata is not in the file")
        yield trak, found


def blocks(file: BinaryIO, begin: int, length: int) -> Iterator[bytes]:
    """Read a stretch of a file; raises NotMp4 when it ends before."""
    file.seek(begin)
    while length:
        block = file.read(min(length, _BLOCK))
        if not block:
            raise NotMp4("the file ends within its timed metadata")
        length -= len(block)
        yield block


def numbers(tracks: list[bytes]) -> dict[int, int]:
    """Return the tracks' new numbers, from 1 on, by the ones that they have; raises NotMp4 when two have the same."""
    found = {track_id(trak): n for n, trak in enumerate(tracks, 1)}
    if len(found) != len(tracks):
        raise NotMp4("two tracks have the same number")
    return found


def tags(trak: bytes) -> list[Box]:
    """Return the boxes of a track that are copied."""
    return [box for box in split(trak) if box[0] in COPIED]
