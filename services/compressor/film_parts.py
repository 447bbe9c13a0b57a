"""Knows the parts of a film's file, and which of them ffmpeg drops: tags, user data, timed metadata; reads only.

A part of which nobody here knows what it is, is an obstacle: the file is left as it is.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.movie import TIMED
from services.compressor.mp4 import MAX_MOOV, NotMp4
from services.compressor.mp4_edit import (
    TABLE,
    Box,
    bounds,
    chunks,
    handler,
    inside,
    split,
    track_id,
    with_id,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHOWN = (b"vide", b"soun")
_FILE: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid"})
_MOOV: Final = frozenset({b"mvhd", b"trak", b"meta", b"udta", b"uuid", b"iods", b"free", b"skip"})
_TRAK: Final = frozenset(
    {b"tkhd", b"edts", b"mdia", b"tref", b"meta", b"udta", b"uuid", b"tapt", b"free", b"skip"}
)
COPIED: Final = (b"meta", b"udta", b"uuid")
"""Boxes of a film or a track that ffmpeg writes anew or drops, and that are copied."""
_ELSEWHERE = b"saio"  # tells places in the file that nobody here moves
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


def obstacle(path: Path) -> str | None:
    """Return why something in the file could not be carried over, None when all can be."""
    with path.open("rb") as file:
        try:
            parts = read_parts(file)
            if odd := _unknown(parts):
                names = ", ".join(sorted(name.decode("latin-1") for name in odd))
                return f"it has parts that would be lost ({names})"
            for trak, _ in samples(file, parts):
                _check_movable(trak)
            account_of(file, parts)
        except (NotMp4, struct.error) as error:
            return f"its parts could not be carried over: {error}"
    return None


def _unknown(parts: Parts) -> set[bytes]:
    """Return the names of boxes of which nobody here knows what they are."""
    odd = {place.name for place in parts.places} - _FILE
    odd |= {name for name, _ in parts.film} - _MOOV
    return odd | ({name for trak in parts.tracks for name, _ in split(trak)} - _TRAK)


def _check_movable(trak: bytes) -> None:
    """Raise NotMp4 where a track's samples are in another file, or something else knows their places, too."""
    dref = inside(trak, b"mdia", b"minf", b"dinf", b"dref") or b""
    if not all(body[3:4] and body[3] & 1 for _, body in split(dref[8:])):
        raise NotMp4("its timed metadata is in another file")
    if _ELSEWHERE in dict(split(inside(trak, *TABLE) or b"")):
        raise NotMp4("its timed metadata is encrypted")


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


def account(path: Path) -> dict[str, object]:
    """Say what has to be the same in a rendition, numbers of tracks and places in the file apart; raises NotMp4."""
    with path.open("rb") as file:
        return account_of(file, read_parts(file))


def account_of(file: BinaryIO, parts: Parts) -> dict[str, object]:
    """As `account`, of a file that was taken apart already."""
    all_tracks = [*parts.shown, *parts.timed]
    number = numbers(all_tracks)
    further = [place for place in parts.places if place.name == b"uuid"]
    return {
        "tags": Counter(parts.copied),
        "tracks' tags": [Counter(tags(trak)) for trak in parts.shown],
        "links between tracks": [_links(trak, number) for trak in all_tracks],
        "start beside timed metadata": [_empty(trak) for trak in parts.shown if parts.timed],
        "timed metadata": [_form(trak) for trak in parts.timed],
        "timed samples": [_digest(file, found) for _, found in samples(file, parts)],
        "time scale": parts.scale,
        "further boxes": [_digest(file, [(one.begin, one.end - one.begin)]) for one in further],
    }


def numbers(tracks: list[bytes]) -> dict[int, int]:
    """Return the tracks' new numbers, from 1 on, by the ones that they have; raises NotMp4 when two have the same."""
    found = {track_id(trak): n for n, trak in enumerate(tracks, 1)}
    if len(found) != len(tracks):
        raise NotMp4("two tracks have the same number")
    return found


def tags(trak: bytes) -> list[Box]:
    """Return the boxes of a track that are copied."""
    return [box for box in split(trak) if box[0] in COPIED]


def _links(trak: bytes, number: dict[int, int]) -> list[tuple[bytes, tuple[int, ...]]]:
    """Return the tracks that a track refers to, by their order; raises NotMp4 for one that is not there."""
    try:
        return [
            (name, tuple(number[each] for (each,) in struct.iter_unpack(">I", body)))
            for name, body in split(inside(trak, b"tref") or b"")
        ]
    except KeyError as error:
        raise NotMp4("a track refers to one that is not there") from error


def _empty(trak: bytes) -> int:
    """Return how long a track waits before it begins, in the film's units."""
    elst = inside(trak, b"edts", b"elst") or b""
    form = ">QqI" if elst[:1] == b"\x01" else ">IiI"
    body = elst[8 : 8 + (len(elst) - 8) // struct.calcsize(form) * struct.calcsize(form)]
    return sum(long for long, media, _ in struct.iter_unpack(form, body) if media == -1)


def _form(trak: bytes) -> bytes:
    """Return all of a track but its number, its links and the places of its chunks."""
    bare = without(with_id(trak, 0), b"tref")
    table = without(inside(bare, *TABLE) or b"", b"stco", b"co64")
    return without(bare, b"mdia") + without(inside(bare, b"mdia") or b"", b"minf") + without(inside(bare, b"mdia", b"minf") or b"", b"stbl") + table  # fmt: skip


def _digest(file: BinaryIO, stretches: list[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    for begin, length in stretches:
        for block in blocks(file, begin, length):
            digest.update(block)
    return digest.hexdigest()
