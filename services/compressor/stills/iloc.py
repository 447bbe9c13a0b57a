"""Reads where the items of a HEIF-like file lie (its `iloc` box), and where those numbers stand; pure, it reads bytes only.

ISO/IEC 14496-12, 8.11.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.films.mp4 import NotMp4

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE, _IDAT = 0, 1  # construction methods


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of an item: its place in the file (0 to 0 where it lies in the idat box), and where its numbers stand."""

    item: int
    in_file: bool
    begin: int
    end: int
    offset_at: range
    length_at: range


class _Reader:
    """Reads numbers one after another; raises NotMp4 behind the end."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self.at, self._end = data, at, end

    def take(self, size: int) -> int:
        """Return the next number of `size` bytes, 0 for none."""
        return int.from_bytes(self._data[(place := self.place(size)).start : place.stop])

    def place(self, size: int) -> range:
        """Pass the next `size` bytes, and return where they are."""
        if self.at + size > self._end:
            raise NotMp4("its iloc box is cut off")
        self.at += size
        return range(self.at - size, self.at)


def extents(data: bytes, begin: int, end: int) -> Iterator[Extent]:
    """Yield the extents that the iloc box with its body from `begin` to `end` lists; raises NotMp4 for a form not known here."""
    read = _Reader(data, begin, end)
    version = read.take(4) >> 24
    if version > 2:
        raise NotMp4("its iloc box is of a new form")
    sizes = read.take(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    if not (offset and length):
        raise NotMp4("its items have no offset or no length")
    wide = 4 if version == 2 else 2
    for _ in range(read.take(wide)):
        item = read.take(wide)
        method = read.take(2) & 15 if version else _FILE
        elsewhere = read.take(2)
        start = read.take(base)
        if method not in {_FILE, _IDAT} or elsewhere:
            raise NotMp4("an item is stored elsewhere")
        for _ in range(read.take(2)):
            read.place(index if version else 0)
            yield _extent(data, item, read.place(offset), read.place(length), start if method == _FILE else None)  # fmt: skip
    if read.at != end:
        raise NotMp4("its iloc box is longer than its items")


def _extent(
    data: bytes, item: int, offset_at: range, length_at: range, start: int | None
) -> Extent:
    offset, length = (int.from_bytes(data[at.start : at.stop]) for at in (offset_at, length_at))
    if start is None:
        return Extent(item, False, 0, 0, offset_at, length_at)
    return Extent(item, True, start + offset, start + offset + length, offset_at, length_at)
