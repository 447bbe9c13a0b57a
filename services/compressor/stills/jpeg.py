"""Takes a JPEG apart into its segments and puts one together; pure, it touches no file and decodes no pixel.

ITU-T T.81, annex B. Pillow drops comments, IPTC, extended XMP and whatever else it does not know, and rewrites what
it does. Copied segments keep all of it, MakerNotes included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.verdict import Broken, Keep

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKER = re.compile(
    rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL
)  # anything in a scan but stuffing and restarts; the last of several fill bytes counts
_SOI, _EOI, _SOS, _COM, _ADOBE = 0xD8, 0xD9, 0xDA, 0xFE, 0xEE
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE = {
    0xC0,
    0xC1,
    0xC2,
}  # baseline, extended, progressive; Pillow's libjpeg knows Huffman only
_MOST_SEGMENTS = 10_000


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: its marker, where it starts in the file, and all its bytes from the marker on."""

    marker: int
    at: int
    data: bytes

    @property
    def is_metadata(self) -> bool:
        """Say whether it is an APPn or a comment: nothing that decoding the picture needs."""
        return _is_metadata(self.marker)

    @property
    def body(self) -> bytes:
        """The bytes behind marker and length."""
        return self.data[4:]


@dataclass(frozen=True, slots=True)
class Segments:
    """A JPEG taken apart: segments before the first scan, the scans with their end marker, what lies behind it.

    `end` is where the trailer starts in the file; `passes` counts the scans, `late` says that metadata lies among them.
    """

    head: tuple[Segment, ...]
    scans: bytes
    passes: int
    late: bool
    end: int
    trailer: bytes

    @property
    def metadata(self) -> tuple[Segment, ...]:
        """APPn and comments in their order."""
        return tuple(segment for segment in self.head if segment.is_metadata)

    @property
    def frame(self) -> Segment | None:
        """The frame header (SOF), from which size, sample bits and subsampling are read."""
        return next((segment for segment in self.head if segment.marker in _FRAMES), None)


def take_apart(data: bytes) -> Segments:
    """Take a JPEG apart; raises Broken when it does not reach its end marker, Keep for an absurd number of segments."""
    head: list[Segment] = []
    at = 2
    while len(head) < _MOST_SEGMENTS:
        marker, at = _marker(data, at)
        if marker in _STANDALONE:
            continue
        segment = Segment(marker, at - 2, _segment(data, at))
        if marker == _SOS:
            end, inside = _end_of_scans(data, at)
            late = any(_is_metadata(other) for other in inside)
            passes = 1 + inside.count(_SOS)
            return Segments(tuple(head), data[at - 2 : end], passes, late, end, data[end:])
        head.append(segment)
        at += len(segment.data) - 2
    raise Keep(f"it has more than {_MOST_SEGMENTS:,} segments", readable=None)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the marker at `at` and where what follows it starts; fill bytes before it are skipped."""
    if data[at : at + 1] != b"\xff":
        raise Broken(f"no JPEG marker where one belongs (byte {at:,} of {len(data):,})")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data) or data[at] in (_SOI, _EOI):
        raise Broken("the JPEG ends before its picture")
    return data[at], at + 1


def _segment(data: bytes, at: int) -> bytes:
    size = int.from_bytes(data[at : at + 2])
    if size < 2 or at + size > len(data):
        raise Broken(f"the JPEG is cut off inside its header (byte {at:,} of {len(data):,})")
    return data[at - 2 : at + size]


def _end_of_scans(data: bytes, at: int) -> tuple[int, bytes]:
    """Return where the end marker ends, and the markers on the way to it; progressive pictures have many scans."""
    inside = bytearray()
    while True:
        at += len(_segment(data, at)) - 2
        while (found := _MARKER.search(data, at)) is None or found[0][1] in _STANDALONE:
            if found is None:
                raise Broken("the JPEG has no end marker: it was cut off")
            at = found.end()
        at, marker = found.end(), found[0][1]
        if marker == _EOI:
            return at, bytes(inside)
        if marker == _SOI:
            raise Broken(f"another JPEG starts before this one ends (byte {at - 2:,})")
        inside.append(marker)


def _is_metadata(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == _COM


def put_together(metadata: Iterable[bytes], encoded: Segments, trailer: bytes) -> bytes:
    """Return the picture of `encoded` with `metadata` (whole segments) in place of its own, and `trailer` behind it."""
    frame = [segment.data for segment in encoded.head if not segment.is_metadata]
    return b"".join((b"\xff\xd8", *metadata, *frame, encoded.scans, trailer))


def unusual(source: Segments) -> str | None:
    """Return why no decoder here reads this kind of JPEG, None for the usual kinds."""
    frame = source.frame
    if frame is None or len(frame.body) < 6 or len(frame.body) < 6 + 3 * frame.body[5]:
        raise Broken("the JPEG has no frame header")
    if frame.body[0] != 8:
        return f"it has {frame.body[0]} bits a sample"
    if frame.marker not in _DECODABLE:
        return f"it is a lossless, hierarchical or arithmetic JPEG (SOF{frame.marker - 0xC0})"
    return None


def sampling(source: Segments) -> tuple[tuple[int, int], ...]:
    """Return each component's sampling factors (horizontal, vertical) as the frame header has them."""
    body = source.frame.body if source.frame else b""
    return tuple((body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, len(body) - 2, 3))


def stores_rgb(source: Segments) -> bool:
    """Say whether the Adobe segment declares three components that are no YCbCr."""
    return len(sampling(source)) == 3 and any(
        s.marker == _ADOBE and s.body[:5] == b"Adobe" and s.body[11:12] == b"\0"
        for s in source.metadata
    )
