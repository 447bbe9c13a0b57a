"""Reads the segments of a JPEG and carries them over to another one, byte for byte; pure, it touches no file.

Pillow drops comments, IPTC, extended XMP and whatever else it does not know, and rewrites what it does. Copied
segments keep all of it, MakerNotes included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.compressor.verdict import Broken

_MARKER = re.compile(
    rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL
)  # anything in a scan but stuffing and restarts
_SOI, _EOI, _SOS, _COM, _JFIF, _ADOBE = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Segments:
    """A JPEG taken apart: (marker, whole segment) before the first scan, sample bits, and bytes behind its end."""

    head: tuple[tuple[int, bytes], ...]
    bits: int
    scans: bytes
    trailer: bytes


def take_apart(data: bytes) -> Segments:
    """Take a JPEG apart; raises Broken when it does not reach its end marker."""
    head: list[tuple[int, bytes]] = []
    bits, at = 8, 2
    while True:
        marker, at = _marker(data, at)
        if marker in _STANDALONE:
            continue
        segment = _segment(data, at)
        if marker == _SOS:
            end = _end_of_scans(data, at)
            return Segments(tuple(head), bits, data[at - 2 : end], data[end:])
        if marker in _FRAMES:
            bits = segment[4] if len(segment) > 4 else 0
        head.append((marker, segment))
        at += len(segment) - 2


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the marker at `at` and where what follows it starts; fill bytes before it are skipped."""
    if data[at : at + 1] != b"\xff":
        raise Broken(f"no JPEG marker where one belongs (byte {at:,} of {len(data):,})")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data) or data[at] == _EOI:
        raise Broken("the JPEG ends before its picture")
    return data[at], at + 1


def _segment(data: bytes, at: int) -> bytes:
    size = int.from_bytes(data[at : at + 2])
    if size < 2 or at + size > len(data):
        raise Broken(f"the JPEG is cut off inside its header (byte {at:,} of {len(data):,})")
    return data[at - 2 : at + size]


def _end_of_scans(data: bytes, at: int) -> int:
    """Return where the end marker ends; a progressive picture has further tables and scans before it."""
    while True:
        at += len(_segment(data, at)) - 2
        while (found := _MARKER.search(data, at)) is None or found[0][-1] in _STANDALONE:
            if found is None:
                raise Broken("the JPEG has no end marker: it was cut off")
            at = found.end()
        if found[0][-1] == _EOI:
            return found.end()
        at = found.end()


def carries(source: Segments) -> str | None:
    """Return what would be lost or wrong in a rendition of `source`, None when all can be carried over."""
    text = b"".join(segment for marker, segment in source.head if marker in (0xE1, 0xE2))
    if source.bits != 8:
        return f"it has {source.bits} bits a sample"
    if b"hdrgm:" in text or b"urn:iso:std:iso:ts:21496" in text or b"HDRGainMap" in text:
        return "its HDR gain map would be lost"
    if b"GDepth:" in text or b"urn:com:apple:photo:2018:aux:portrait" in text:
        return "its depth map would be lost"
    if b"MotionPhoto" in text or b"MicroVideo" in text or b"MotionPhoto_Data" in source.trailer:
        return "it is a motion photo: its video would be lost"
    if any(segment[4:8] == b"MPF\0" for marker, segment in source.head if marker == 0xE2):
        return "it holds several pictures (MPF)"
    if b"\xff\xd8\xff" in source.trailer or b"ftyp" in source.trailer:
        return "another picture or video is stored behind its end"
    return None


def carry_over(source: Segments, encoded: bytes) -> bytes:
    """Return `encoded` with every metadata segment and the trailing bytes of `source` in place of its own.

    The Adobe segment describes the source's own colour transform, not the new one, so it stays behind.
    """
    new = take_apart(encoded)
    kept = [s for marker, s in source.head if _is_metadata(marker)]
    frame = [s for marker, s in new.head if not _is_metadata(marker) and marker != _ADOBE]
    if not any(s[1] == _JFIF for s in kept):
        kept = [s for marker, s in new.head if marker == _JFIF] * (not _has_exif(kept)) + kept
    return b"".join((b"\xff\xd8", *kept, *frame, new.scans, source.trailer))


def _is_metadata(marker: int) -> bool:
    return (0xE0 <= marker <= 0xEF and marker != _ADOBE) or marker == _COM


def _has_exif(segments: list[bytes]) -> bool:
    return any(segment[4:10] == b"Exif\0\0" for segment in segments)
