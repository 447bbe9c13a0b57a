"""Reads and rewrites the index of a JPEG's further pictures (MPF); pure, never changes a byte but sizes and offsets.

CIPA DC-007. The index lies in an APP2 segment, is a TIFF of either byte order, and counts offsets from its own TIFF
header, so it has to be rewritten when the first picture changes its size. Apple and Google keep gain maps this way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = b"MPF\0"
HEADER = 8
"""Where the TIFF header lies in the segment: behind marker, length and name."""
_ENTRY = 16
_LIST_TAG = 0xB002
_MOST_PICTURES = 1000
_SEVERAL_VIEWS = {0x020001: "panorama", 0x020002: "stereo", 0x020003: "multi-angle"}


class BadIndex(Exception):
    """The index contradicts itself; the text says how."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of the index: attribute bits, bytes, and offset from the TIFF header (0 stands for the first picture)."""

    attributes: int
    size: int
    offset: int
    at: int
    """Where the row lies in the segment."""

    @property
    def views(self) -> str | None:
        """The word for a picture that belongs to others of equal rank, None for thumbnails and gain maps."""
        return _SEVERAL_VIEWS.get(self.attributes & 0xFFFFFF)


@dataclass(frozen=True, slots=True)
class Index:
    """The byte order (as in struct) and the pictures in the index's order."""

    order: Literal["<", ">"]
    pictures: tuple[Picture, ...]


def read_index(segment: bytes) -> Index:
    """Read a whole APP2 segment that starts its body with NAME; raises BadIndex."""
    order = _order(segment[HEADER : HEADER + 4])
    try:
        return Index(order, _pictures(segment, order))
    except struct.error as error:
        raise BadIndex("it ends too early") from error


def _order(magic: bytes) -> Literal["<", ">"]:
    if magic == b"II*\0":
        return "<"
    if magic == b"MM\0*":
        return ">"
    raise BadIndex("it has no TIFF header")


def _pictures(segment: bytes, order: str) -> tuple[Picture, ...]:
    start, size = _list(segment, order)
    if size % _ENTRY or not 0 < size <= _ENTRY * _MOST_PICTURES:
        raise BadIndex(f"its list of pictures has {size:,} bytes")
    return tuple(_picture(segment, order, at) for at in range(start, start + size, _ENTRY))


def _picture(segment: bytes, order: str, at: int) -> Picture:
    attributes, size, offset = struct.unpack_from(order + "III", segment, at)
    return Picture(attributes, size, offset, at)


def _list(segment: bytes, order: str) -> tuple[int, int]:
    """Return where the list of pictures lies in the segment, and its bytes."""
    (ifd,) = struct.unpack_from(order + "I", segment, HEADER + 4)
    (count,) = struct.unpack_from(order + "H", segment, HEADER + ifd)
    for row in range(count):
        tag, _, size, offset = struct.unpack_from(
            order + "HHII", segment, HEADER + ifd + 2 + 12 * row
        )
        if tag == _LIST_TAG:
            return HEADER + offset, size
    raise BadIndex("it lists no pictures")


def with_pictures(segment: bytes, index: Index, pictures: Sequence[Picture]) -> bytes:
    """Return the segment, as long as before, with the sizes and offsets of `pictures` in their rows."""
    made = bytearray(segment)
    for picture in pictures:
        struct.pack_into(index.order + "II", made, picture.at + 4, picture.size, picture.offset)
    return bytes(made)


def moved(index: Index, old: tuple[int, int], new: tuple[int, int]) -> tuple[Picture, ...]:
    """Return the pictures after the first one changed from `old` to `new`: (TIFF header's place, first picture's end).

    What lies behind the first picture keeps its distance from its end; its size may count padding behind it. Raises BadIndex when a
    size or offset is none that this can be said of.
    """
    return tuple(_moved(picture, old, new) for picture in index.pictures)


def _moved(picture: Picture, old: tuple[int, int], new: tuple[int, int]) -> Picture:
    if picture.offset == 0:
        if 0 < picture.size < old[1]:
            raise BadIndex(f"it gives the first picture {picture.size:,} of {old[1]:,} bytes")
        return replace(picture, size=picture.size and picture.size - old[1] + new[1])
    offset = picture.offset - (old[1] - old[0]) + (new[1] - new[0])
    if not 0 < offset < 1 << 32:
        raise BadIndex("an offset does not fit")
    return replace(picture, offset=offset)
