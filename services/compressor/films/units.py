"""Walks over the units of an H.264 or HEVC stream as a film stores them, and reads its messages (SEI); bytes only, it decodes no picture.

ITU-T H.264, 7.3.1 and 7.3.2.3; ITU-T H.265, 7.3.1.2 and 7.3.5; ISO/IEC 14496-15, 5.3.3 and 8.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.bits import unguarded
from services.compressor.films.mp4 import SAMPLE_ENTRY, NotMp4
from services.compressor.films.mp4_edit import chunks, sample_entries, split

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 64 << 10
_MOST: Final = 1 << 8
"""Bytes of a unit of messages, and messages in one; real ones have some hundred, and a few."""
_ARRAYS: Final = 22  # of hvcC, where the number of its arrays stands
_SETS: Final = 5  # of avcC, where the number of its parameter sets stands
_STOP = b"\x80"


@dataclass(frozen=True, slots=True)
class Coding:
    """How a codec marks its units: bytes of their header, the types that hold messages, pictures and the parameters of a sequence."""

    header: int
    messages: frozenset[int]
    pictures: frozenset[int]
    sequence: int


AVC: Final = Coding(1, frozenset({6}), frozenset(range(1, 6)), 7)
HEVC: Final = Coding(2, frozenset({39, 40}), frozenset(range(32)), 33)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's type (Table 7-1), its layer, and its body where it holds messages or parameters of a sequence, else nothing."""

    kind: int
    layer: int
    body: bytes = b""

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield kind and bytes of each message; raises NotMp4 for one that is cut off, and for more than any encoder writes."""
        body = unguarded(self.body).rstrip(b"\0")
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


@dataclass(frozen=True, slots=True)
class Stored:
    """How a track's stream is stored: its codec, the units before all pictures, bytes of a unit's length."""

    coding: Coding
    before: tuple[Unit, ...]
    size: int

    @property
    def sequences(self) -> frozenset[bytes]:
        """The parameters of a sequence that stand before all pictures."""
        return frozenset(unit.body for unit in self.before if unit.kind == self.coding.sequence)


def stored(trak: bytes) -> Stored:
    """Read how a track's stream is stored; raises NotMp4 for another codec's, and where it does not say."""
    entries = sample_entries(trak)
    if len(entries) != 1:
        raise NotMp4("its picture changes its form")
    boxes = dict(split(entries[0][1][SAMPLE_ENTRY - 8 :]))
    if len(hvcc := boxes.get(b"hvcC", b"")) > _ARRAYS:
        return Stored(HEVC, tuple(_arrays(hvcc)), (hvcc[_ARRAYS - 1] & 3) + 1)
    if len(avcc := boxes.get(b"avcC", b"")) > _SETS:
        return Stored(AVC, tuple(_sets(avcc)), (avcc[_SETS - 1] & 3) + 1)
    raise NotMp4("its picture does not say how it is stored")


def units(file: BinaryIO, trak: bytes, how: Stored) -> Iterator[Unit]:
    """Yield the units of a track's pictures; raises NotMp4 where bytes are left over."""
    room = file.seek(0, 2)
    for begin, length in chunks(trak):
        if begin + length > room:
            raise NotMp4("its pictures are not in the file")
        yield from _chunk(file, begin, begin + length, how)


def _arrays(hvcc: bytes) -> Iterator[Unit]:
    """Yield the units that hvcC holds."""
    at = _ARRAYS + 1
    for _ in range(hvcc[_ARRAYS]):
        found, at = _row(hvcc, at + 3, int.from_bytes(hvcc[at + 1 : at + 3]), HEVC)
        yield from found


def _sets(avcc: bytes) -> Iterator[Unit]:
    """Yield the parameter sets of the sequence that avcC holds."""
    yield from _row(avcc, _SETS + 1, avcc[_SETS] & 0x1F, AVC)[0]


def _row(data: bytes, at: int, number: int, coding: Coding) -> tuple[list[Unit], int]:
    """Return so many units with lengths of two bytes, and where they end."""
    found = list[Unit]()
    for _ in range(number):
        begin, end = at + 2, at + 2 + int.from_bytes(data[at : at + 2])
        if not begin + coding.header <= end <= len(data):
            raise NotMp4("what comes before its pictures is cut off")
        found.append(_unit(data[begin : begin + coding.header], data[begin + coding.header : end], coding))  # fmt: skip
        at = end
    return found, at


def _chunk(file: BinaryIO, at: int, end: int, how: Stored) -> Iterator[Unit]:
    coding, size = how.coding, how.size
    while at < end:
        file.seek(at)
        head = file.read(size + coding.header)
        length = int.from_bytes(head[:size])
        if len(head) < size + coding.header or not coding.header <= length <= end - at - size:
            raise NotMp4("its pictures are not stored unit by unit")
        unit = _unit(head[size:], b"", coding)
        if _is_read(unit.kind, coding):
            if length > _LONGEST:
                raise NotMp4("a message in its picture stream is too long")
            unit = _unit(head[size:], file.read(length - coding.header), coding)
        yield unit
        at += size + length


def _is_read(kind: int, coding: Coding) -> bool:
    return kind in coding.messages or kind == coding.sequence


def _unit(header: bytes, body: bytes, coding: Coding) -> Unit:
    kind, layer = header[0] & 0x1F, 0
    if coding is HEVC:
        kind, layer = header[0] >> 1 & 0x3F, (header[0] & 1) << 5 | header[1] >> 3
    return Unit(kind, layer, body if _is_read(kind, coding) else b"")
