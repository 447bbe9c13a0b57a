"""Reads the tracks and tags of an MP4 or QuickTime file from its boxes; reads only, and only the `moov` box.

ISO/IEC 14496-12 and Apple's QuickTime File Format. ffmpeg's text output is made for people and drops what it does
not know; what would be lost has to be seen, so the boxes themselves are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_MOOV = 256 << 20
SAMPLE_ENTRY = 86  # header and fixed fields of a visual sample entry, before its own boxes


class NotMp4(Exception):
    """The file has no readable `moov` box; the text says why."""


@dataclass(frozen=True, slots=True)
class Track:
    """One track: four-letter handler and codec, pixels as stored, display matrix, frames and seconds."""

    handler: bytes
    codec: bytes
    width: int
    height: int
    matrix: bytes
    samples: int
    seconds: float
    scale: int
    """Units of time in a second."""
    entry: bytes
    """The first sample entry with its boxes, among them the codec's own (avcC, hvcC, colr, dvcC)."""


@dataclass(frozen=True, slots=True)
class Movie:
    """A file's major brand, creation time (seconds since 1904), tracks, QuickTime keys, user data boxes, units of time in a second."""

    brand: bytes
    created: int
    tracks: tuple[Track, ...]
    keys: dict[str, bytes]
    user_data: frozenset[bytes]
    scale: int


def read_movie(path: Path) -> Movie:
    """Read `path`; raises NotMp4 or struct.error for anything else or a damaged one, OSError when it can't be read."""
    with path.open("rb") as file:
        brand, moov = _find_moov(file)
    top = _first(moov)
    mvhd = top.get(b"mvhd", b"")
    tracks = tuple(_track(body) for name, body in boxes(moov) if name == b"trak")
    udta = _first(top.get(b"udta", b""))
    keys = _keys(udta.get(b"meta", b"")) | _keys(
        top.get(b"meta", b"")
    )  # ffmpeg's place and Apple's
    created, scale, _ = _times(mvhd) if mvhd else (0, 0, 0)
    return Movie(brand, created, tracks, keys, frozenset(udta), scale)


def _find_moov(file: BinaryIO) -> tuple[bytes, bytes]:
    brand, end = b"qt  ", file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, name, start = _header(file.read(16), end - at)
        if at + size > end:
            raise NotMp4(
                f"its {name.decode('latin-1')} box is cut off at {end:,} of {at + size:,} bytes"
            )
        file.seek(at + start)
        if name == b"ftyp":
            brand = file.read(4)
        if name == b"moov" and size <= MAX_MOOV:
            return brand, file.read(size - start)
        at += size
    raise NotMp4("it has no moov box")


def _header(head: bytes, room: int) -> tuple[int, bytes, int]:
    """Return a box's whole size, name and where its body starts."""
    size, name = struct.unpack_from(">I4s", head)
    if size == 1:
        return max(struct.unpack_from(">Q", head, 8)[0], 16), name, 16
    return (size or room) if size >= 8 or size == 0 else room, name, 8


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each box in `data`; a box that claims more than there is ends at the end."""
    at = 0
    while at + 8 <= len(data):
        size, name, start = _header(data[at : at + 16].ljust(16, b"\0"), len(data) - at)
        yield name, data[at + start : at + size]
        at += size


def _first(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, body in boxes(data):
        found.setdefault(name, body)
    return found


def _times(header: bytes) -> tuple[int, int, int]:
    """Return created, time scale and duration of an mvhd or mdhd box."""
    if header[0] == 1:
        created, _, scale, duration = struct.unpack_from(">QQIQ", header, 4)
    else:
        created, _, scale, duration = struct.unpack_from(">IIII", header, 4)
    return created, scale, duration


def _track(data: bytes) -> Track:
    trak = _first(data)
    mdia = _first(trak.get(b"mdia", b""))
    table = _first(_first(mdia.get(b"minf", b"")).get(b"stbl", b""))
    entry = table.get(b"stsd", b"")[8:]
    _, scale, duration = _times(mdia.get(b"mdhd", b"").ljust(24, b"\0"))
    width, height = struct.unpack_from(">HH", entry.ljust(SAMPLE_ENTRY, b"\0"), 32)
    tkhd = trak.get(b"tkhd", b"\0")
    return Track(
        handler=mdia.get(b"hdlr", b"")[8:12],
        codec=entry[4:8],
        width=width,
        height=height,
        matrix=tkhd[52:88] if tkhd[:1] == b"\x01" else tkhd[40:76],
        samples=_sample_count(table.get(b"stts", b"")),
        seconds=duration / scale if scale else 0.0,
        scale=scale,
        entry=entry,
    )


def _sample_count(stts: bytes) -> int:
    body = stts[8:]
    return sum(struct.unpack_from(">I", body, at)[0] for at in range(0, len(body) - 7, 8))


def entry_boxes(track: Track) -> dict[bytes, bytes]:
    """Return the boxes inside a video track's sample entry (avcC, hvcC, colr, dvcC and so on)."""
    return _first(track.entry[SAMPLE_ENTRY:])


def _keys(meta: bytes) -> dict[str, bytes]:
    """Return QuickTime metadata items (`mdta`): name to value, the value with its type and locale before it."""
    inside = _first(
        meta if meta[4:8] == b"hdlr" else meta[4:]
    )  # MP4's meta box has a version, QuickTime's has not
    names = [body.decode("utf-8", "replace") for _, body in boxes(inside.get(b"keys", b"")[8:])]
    found: dict[str, bytes] = {}
    for name, body in boxes(inside.get(b"ilst", b"")):
        number = int.from_bytes(name)
        if 1 <= number <= len(names):
            found[names[number - 1]] = _first(body).get(b"data", b"")
    return found
