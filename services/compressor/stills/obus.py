"""Walks the units (OBUs) that an AVIF's picture is made of, and refuses those that are no picture; pure, it decodes no pixel.

AV1 Bitstream & Decoding Process Specification, 5.3 (units), 6.2.2 (their kinds), 4.10.5 (leb128).
"""

from __future__ import annotations

from typing import Final

from services.compressor.verdict import Keep

_PICTURE: Final = frozenset({1, 2, 3, 4, 6, 15})
"""Sequence header, temporal delimiter, frame header, tile group, frame, padding."""
_MOST: Final = 1000  # encoders write two or three, and one a group of tiles
_LONGEST = 8  # bytes of a length
_FORBIDDEN, _EXTENDED, _SIZED = 0x80, 4, 2


def check(coded: bytes) -> None:
    """Raise Keep unless `coded` is a picture's own units from its first byte to its last."""
    at = 0
    for _ in range(_MOST):
        if at == len(coded):
            return
        at = _next(coded, at)
    raise Keep(f"its picture has more than {_MOST:,} parts")


def _next(coded: bytes, at: int) -> int:
    """Return where the unit behind the one at `at` begins; one that does not tell its length is the last."""
    head = coded[at]
    if head & _FORBIDDEN or head >> 3 & 15 not in _PICTURE:
        raise Keep("something that is no picture (metadata, mostly) lies among its coded bytes")
    at += 2 if head & _EXTENDED else 1
    size, at = _number(coded, at) if head & _SIZED else (len(coded) - at, at)
    if not 0 <= size <= len(coded) - at:
        raise Keep("its picture is cut off")
    return at + size


def _number(coded: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at`, seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for n, byte in enumerate(coded[at : at + _LONGEST]):
        value |= (byte & 0x7F) << 7 * n
        if not byte & 0x80:
            return value, at + n + 1
    raise Keep("its picture is cut off")
