"""Carries into a rendition what ffmpeg drops: tags, user data and timed metadata, byte for byte; never touches the original.

The rendition becomes: ftyp, moov (so that it plays while it loads), ffmpeg's own data, the timed samples, further boxes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from services.compressor.films.labels import with_labels_of
from services.compressor.films.mp4 import NotMp4
from services.compressor.films.mp4_edit import (
    Box,
    chunks,
    handler,
    inside,
    joined,
    lasting,
    with_begins,
    with_film_header_of,
    with_header_of,
    with_id,
    with_references,
    without,
)
from services.compressor.films.parts import (
    COPIED,
    Parts,
    blocks,
    numbers,
    read_parts,
    samples,
    tags,
)
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Lane:
    """A track of the rendition, and where its chunks begin as long as no moov box lies before them."""

    trak: bytes
    begins: list[int]


def carry_over(source: Path, rendition: Path) -> None:
    """Put what ffmpeg dropped of `source` into its `rendition`; raises Keep when the two do not belong together."""
    try:
        with source.open("rb") as old, rendition.open("r+b") as new:
            _rewrite(old, new)
    except (NotMp4, struct.error) as error:
        raise Keep(f"its parts could not be carried over: {error}") from error


def _rewrite(old: BinaryIO, new: BinaryIO) -> None:
    theirs, ours = read_parts(old), read_parts(new)
    first, last = ours.places[0], ours.places[-1]
    if (first.name, last.name) != (b"ftyp", b"moov") or theirs.scale != ours.scale:
        raise NotMp4("ffmpeg wrote another form than was asked for")
    lanes = _shown(theirs, ours)
    new.truncate(last.begin)
    new.seek(last.begin)
    lanes += [_Lane(trak, _copied(old, new, found)) for trak, found in samples(old, theirs)]
    for place in theirs.places:
        if place.name == b"uuid":
            _copy(old, new, place.begin, place.end - place.begin)
    film = _film(theirs, ours, _linked(theirs, lanes))
    _make_room(new, first.end, len(film))
    new.seek(first.end)
    new.write(film)


def _shown(theirs: Parts, ours: Parts) -> list[_Lane]:
    """Give ffmpeg's tracks the tags of the original's; raises NotMp4 unless they are as many, in the same order."""
    if [handler(trak) for trak in theirs.shown] != [handler(trak) for trak in ours.tracks]:
        raise NotMp4("the rendition has other tracks")
    lanes = []
    for before, after in zip(theirs.shown, ours.tracks, strict=True):
        bare = with_labels_of(without(after, *COPIED, b"tref"), before)
        trak = with_header_of(bare, before) + joined(tags(before))
        lanes.append(_Lane(trak, [begin for begin, _ in chunks(after)]))
    return lanes


def _linked(theirs: Parts, lanes: list[_Lane]) -> list[_Lane]:
    """Number the tracks from 1, and let them refer to each other as the original's do."""
    before = [*theirs.shown, *theirs.timed]
    renumbered = numbers(before)
    linked = []
    for n, (old, lane) in enumerate(zip(before, lanes, strict=True), 1):
        links = inside(old, b"tref")
        tref = [] if links is None else [(b"tref", with_references(links, renumbered))]
        trak = with_id(without(lane.trak, b"tref"), n) + joined(tref)
        linked.append(_Lane(trak, lane.begins))
    return linked


def _film(theirs: Parts, ours: Parts, lanes: list[_Lane]) -> bytes:
    """Return the moov box as it has to be where it lies before all data: its own length moves every chunk."""
    header = lasting(with_film_header_of(ours.header, theirs.header), theirs.timed)
    head = (b"mvhd", header[:-4] + (len(lanes) + 1).to_bytes(4))
    length, film = 0, b""
    while len(film) != length or not film:
        length = len(film)
        moved = [with_begins(lane.trak, [at + length for at in lane.begins]) for lane in lanes]
        inner: list[Box] = [head, *((b"trak", trak) for trak in moved), *theirs.copied]
        film = joined([(b"moov", joined(inner))])
    return film


def _copied(old: BinaryIO, new: BinaryIO, found: list[tuple[int, int]]) -> list[int]:
    """Append a track's chunks as a box of their own; return where they begin."""
    begin = new.tell() + 16
    total = sum(length for _, length in found)
    new.write(struct.pack(">I4sQ", 1, b"mdat", 16 + total))
    begins = []
    for at, length in found:
        begins.append(begin)
        begin += length
        _copy(old, new, at, length)
    return begins


def _copy(old: BinaryIO, new: BinaryIO, begin: int, length: int) -> None:
    for block in blocks(old, begin, length):
        new.write(block)


def _make_room(file: BinaryIO, at: int, length: int) -> None:
    """Move all bytes from `at` on back by `length`, the last ones first."""
    end = file.seek(0, 2)
    while end > at:
        begin = max(at, end - _BLOCK)
        file.seek(begin)
        block = file.read(end - begin)
        file.seek(begin + length)
        file.write(block)
        end = begin
