"""Writes a small, valid DNG (raw file of a camera): a preview and a 16-bit Bayer mosaic; reads none."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from PIL import Image

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_PACK = {_BYTE: "B", _ASCII: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "I", _SRATIONAL: "i"}
_HEADER_BYTES = 8
_SRGB_FROM_XYZ = (32405, -15371, -4985, -9693, 18760, 416, 556, -2040, 10572)


@dataclass(frozen=True)
class _Tag:
    number: int
    kind: int
    values: Sequence[int]

    @property
    def payload(self) -> bytes:
        return struct.pack(f"<{len(self.values)}{_PACK[self.kind]}", *self.values)

    @property
    def count(self) -> int:
        return len(self.values) // (2 if self.kind in (_RATIONAL, _SRATIONAL) else 1)


def dng_bytes(picture: Image.Image, created: datetime) -> bytes:
    """The whole file: preview in the first directory, the mosaic in its SubIFD; sides must be even."""
    thumb = picture.resize((160, 120))
    preview, mosaic = thumb.tobytes(), _mosaic(picture)
    preview_at = _HEADER_BYTES
    mosaic_at = preview_at + len(preview)
    raw_at = mosaic_at + len(mosaic)
    raw = _directory(_raw_tags(picture.size, mosaic_at, len(mosaic)), raw_at)
    main_at = raw_at + len(raw)
    tags = _main_tags(thumb.size, preview_at, len(preview), raw_at, created)
    return (
        struct.pack("<2sHI", b"II", 42, main_at)
        + preview
        + mosaic
        + raw
        + _directory(tags, main_at)
    )


def _mosaic(picture: Image.Image) -> bytes:
    """RGGB, 16 bits little-endian; both bytes of a value are the 8-bit level."""
    wide, high = picture.size
    red, green, blue = (band.tobytes() for band in picture.convert("RGB").split())
    rows = bytearray()
    for y in range(high):
        line = slice(y * wide, (y + 1) * wide)
        first, second = (red, green) if y % 2 == 0 else (green, blue)
        row = bytearray(2 * wide)
        row[0::4] = row[1::4] = first[line][0::2]
        row[2::4] = row[3::4] = second[line][1::2]
        rows += row
    return bytes(rows)


def _text(number: int, text: str) -> _Tag:
    return _Tag(number, _ASCII, text.encode("ascii") + b"\0")


def _image_tags(size: tuple[int, int], at: int, length: int) -> list[_Tag]:
    return [
        _Tag(256, _LONG, [size[0]]),
        _Tag(257, _LONG, [size[1]]),
        _Tag(259, _SHORT, [1]),
        _Tag(273, _LONG, [at]),
        _Tag(278, _LONG, [size[1]]),
        _Tag(279, _LONG, [length]),
        _Tag(284, _SHORT, [1]),
    ]


def _main_tags(
    size: tuple[int, int], at: int, length: int, raw_at: int, created: datetime
) -> list[_Tag]:
    return [
        *_image_tags(size, at, length),
        _Tag(254, _LONG, [1]),
        _Tag(258, _SHORT, [8, 8, 8]),
        _Tag(262, _SHORT, [2]),
        _Tag(277, _SHORT, [3]),
        _text(271, "Example"),
        _text(272, "Example Camera"),
        _Tag(274, _SHORT, [1]),
        _text(306, created.strftime("%Y:%m:%d %H:%M:%S")),
        _Tag(330, _LONG, [raw_at]),
        _Tag(50706, _BYTE, [1, 4, 0, 0]),
        _Tag(50707, _BYTE, [1, 1, 0, 0]),
        _text(50708, "Example Camera"),
        _Tag(50721, _SRATIONAL, [part for value in _SRGB_FROM_XYZ for part in (value, 10_000)]),
        _Tag(50728, _RATIONAL, [1, 1] * 3),
        _Tag(50778, _SHORT, [21]),
    ]


def _raw_tags(size: tuple[int, int], at: int, length: int) -> list[_Tag]:
    return [
        *_image_tags(size, at, length),
        _Tag(254, _LONG, [0]),
        _Tag(258, _SHORT, [16]),
        _Tag(262, _SHORT, [32803]),
        _Tag(277, _SHORT, [1]),
        _Tag(33421, _SHORT, [2, 2]),
        _Tag(33422, _BYTE, [0, 1, 1, 2]),
        _Tag(50717, _LONG, [65535]),
    ]


def _directory(tags: list[_Tag], at: int) -> bytes:
    """One TIFF directory at that offset, its longer values behind it."""
    ordered = sorted(tags, key=lambda tag: tag.number)
    entries, beyond = b"", b""
    values_at = at + 2 + 12 * len(ordered) + 4
    for tag in ordered:
        value = tag.payload
        if len(value) > 4:
            place = struct.pack("<I", values_at + len(beyond))
            beyond += value + bytes(len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag.number, tag.kind, tag.count) + place
    return struct.pack("<H", len(ordered)) + entries + bytes(4) + beyond
