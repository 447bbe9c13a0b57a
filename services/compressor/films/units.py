"""Walks over the units of an HEVC stream as a film stores them, and reads its messages (SEI); bytes only, it decodes no picture.

ITU-T H.265, 7.3.1.2 and 7.3.5; ISO/IEC 14496-15, 8.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.mp4 import SAMPLE_ENTRY, NotMp4
from services.compressor.films.mp4_edit import TABLE, chunks, inside, split

if TYPE_CHECKING:
    from collections.abc import Iterator

_MESSAGES: Final = frozenset({39, 40})
"""Units that hold messages, before and behind the picture."""
_HEADER: Final = 2
_LONGEST: Final = 64 << 10
_MOST: Final = 1 << 8
"""Bytes of a unit of messages, and messages in one; real ones have some hundred, and a few."""
_ARRAYS = 22  # of hvcC, where the number of its arrays stands
_STOP = b"\x80"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's type (Table 7-1), its layer, and its body where it holds messages, else nothing."""

    kind: int
    layer: int
    body: bytes = b""

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield kind and bytes of each message; raises NotMp4 for one that is cut off, and for more than any encoder writes."""
        body = self.body.replace(b"\0\0\3", b"\0\0").rstrip(b"\0")  # what keeps start codes out
        end, at, number = len(body) - body.endswith(_STOP), 0, 0
        while at < end:
            kind, at = _number(body, at)
            size, at = _number(body, at)
            number += 1
            if at + size > len(body):
                raise NotMp4("a message in its picture stream is cut off")
            if number > _MOST:
                raise NotMp4("there are too many messages in its picture stream")
            yield kind, body[at : at + size]
            at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number as messages write them, and where the next byte is."""
    begin = at
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at == len(data):
        raise NotMp4("a message in its picture stream is cut off")
    return 255 * (at - begin) + data[at], at + 1


def units(file: BinaryIO, trak: bytes) -> Iterator[Unit]:
    """Yield the units of an HEVC track: those before all pictures, then those of each; raises NotMp4 where bytes are left over."""
    hvcc = _hvcc(trak)
    yield from _before(hvcc[_ARRAYS:])
    size = (hvcc[_ARRAYS - 1] & 3) + 1
    room = file.seek(0, 2)
    for begin, length in chunks(trak):
        if begin + length > room:
            raise NotMp4("its pictures are not in the file")
        yield from _stored(file, begin, begin + length, size)


def _hvcc(trak: bytes) -> bytes:
    entries = split((inside(trak, *TABLE, b"stsd") or b"")[8:])
    if len(entries) != 1:
        raise NotMp4("its picture changes its form")
    found = dict(split(entries[0][1][SAMPLE_ENTRY - 8 :])).get(b"hvcC", b"")
    if len(found) <= _ARRAYS:
        raise NotMp4("its picture does not say how it is stored")
    return found


def _before(arrays: bytes) -> Iterator[Unit]:
    """Yield the units that hvcC holds."""
    at = 1
    for _ in range(arrays[0]):
        number = int.from_bytes(arrays[at + 1 : at + 3])
        at += 3
        for _ in range(number):
            end = at + 2 + int.from_bytes(arrays[at : at + 2])
            if not at + 2 + _HEADER <= end <= len(arrays):
                raise NotMp4("what comes before its pictures is cut off")
            yield _unit(arrays[at + 2 : at + 4], arrays[at + 4 : end])
            at = end


def _stored(file: BinaryIO, at: int, end: int, size: int) -> Iterator[Unit]:
    while at < end:
        file.seek(at)
        head = file.read(size + _HEADER)
        length = int.from_bytes(head[:size])
        if len(head) < size + _HEADER or not _HEADER <= length <= end - at - size:
            raise NotMp4("its pictures are not stored unit by unit")
        unit = _unit(head[size:], b"")
        if unit.kind in _MESSAGES:
            if length > _LONGEST:
                raise NotMp4("a message in its picture stream is too long")
            unit = _unit(head[size:], file.read(length - _HEADER))
        yield unit
        at += size + length


def _unit(header: bytes, body: bytes) -> Unit:
    kind = header[0] >> 1 & 0x3F
    layer = (header[0] & 1) << 5 | header[1] >> 3
    return Unit(kind, layer, body if kind in _MESSAGES else b"")
