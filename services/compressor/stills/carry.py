"""Carries everything but the picture itself from a JPEG to its rendition, and proves it; pure, it decodes no pixel.

All APPn and COM segments and all bytes behind the end marker go over bit for bit. Two kinds of numbers have to change,
as the picture's own length does: sizes and offsets in the MPF index, and that length in XMP's container directory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from services.compressor.stills import container, jpeg, mpf
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from services.compressor.stills.jpeg import Segment, Segments

_APP1, _APP2, _APP11 = 0xE1, 0xE2, 0xEB
_START = re.compile(rb"\xff\xd8\xff|\xd8\xff[\xdb\xe0\xe1]")  # a first byte may be wrong: DiMAGE
_ROUNDS = 3
_TIFF = re.compile(rb"II\*\0|MM\0\*")
_MOST_HEADERS = 20
_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")
_DEPTH = (b"GDepth:", b"urn:com:apple:photo:2018:aux:", b"urn:com:apple:photo:2020:aux:semantic")
_MOTION = (b"MotionPhoto", b"MicroVideo")
_SIGNED = b"c2pa"  # the label of Content Credentials in a JUMBF box (C2PA, 11.1)
_XT = b"JP"  # boxes of JPEG XT (ISO/IEC 18477-3): JUMBF, or what refines the very pixels of this picture
_AFCP = (b"AXS!", b"AXS*")
_AFCP_END = slice(
    -12, -8
)  # of a file; its directory behind the picture counts places from the file's start


def obstacle(source: Segments) -> str | None:
    """Return why a rendition of `source` would lose something or be wrong, None when all can be carried over."""
    text = b"".join(s.data for s in source.metadata if s.marker in (_APP1, _APP2))
    if source.late:
        return "metadata lies among its scans"
    if jpeg.stores_rgb(source):
        return "its colours are stored as RGB"
    if any(name in text or name in source.trailer for name in _DEPTH):
        return "it has a depth map"
    if any(name in text for name in _MOTION) or b"MotionPhoto_Data" in source.trailer:
        return "it is a motion photo"
    return (
        next(filter(None, map(_box_obstacle, source.metadata)), None)
        or _trailer_obstacle(source.trailer)
        or _index_obstacle(source)
    )


def _box_obstacle(segment: Segment) -> str | None:
    """Return why a segment of boxes would be wrong beside other pixels."""
    if segment.marker != _APP11:
        return None
    if _SIGNED in segment.data:
        return "it carries a signature, which new bytes would break"
    if segment.body.startswith(_XT) and segment.body[12:16] != b"jumb":
        return "it holds data that refines its own pixels (JPEG XT)"
    return None


def _trailer_obstacle(trailer: bytes) -> str | None:
    if b"ftyp" in trailer:
        return "a video is stored behind its end"
    if trailer[_AFCP_END] in _AFCP:
        return "what stands behind its end tells places in the file (AFCP)"
    return None


def _index_obstacle(source: Segments) -> str | None:
    segments = _indexes(source)
    if len(segments) > 1:
        return "it has several indexes of pictures (MPF)"
    try:
        pictures = mpf.read_index(segments[0].data).pictures if segments else ()
        return _unlisted(source, segments[0].at + mpf.HEADER if segments else 0, pictures)
    except mpf.BadIndex as error:
        return f"its index of pictures (MPF) cannot be trusted: {error}"


def _unlisted(source: Segments, header: int, pictures: tuple[mpf.Picture, ...]) -> str | None:
    """Return what behind the end marker no index tells of, or is pointed at by something that cannot be rewritten."""
    spans = [(header + p.offset, header + p.offset + p.size) for p in pictures if p.offset]
    spans += _by_directory(source)
    size = source.end + len(source.trailer)
    if view := next((p.views for p in pictures if p.views), None):
        return f"it holds several pictures ({view})"
    if any(not source.end <= start < end <= size for start, end in spans):
        return "its index of pictures names bytes outside the file"
    if any(source.trailer[start - source.end :][:2] != b"\xff\xd8" for start, _ in spans):
        return "its index of pictures names what is no picture"
    if _START.search(_outside(source, spans)):
        return "a picture that no index names is stored behind its end"
    if any(_pointed_at(source, start) for start, _ in spans):
        return "its maker note points at a picture behind its end"
    return None


def _by_directory(source: Segments) -> list[tuple[int, int]]:
    """Return the places of pictures that only XMP's directory lists: in its order, right behind the end marker."""
    packets = [s.body for s in source.metadata if s.body.startswith(container.XMP)]
    lengths = [length for packet in packets for length in container.further_lengths(packet)]
    ends = [source.end + sum(lengths[: n + 1]) for n in range(len(lengths))]
    return [(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def _outside(source: Segments, spans: list[tuple[int, int]]) -> bytes:
    """Return the trailer without what `spans` name."""
    left, at = [], 0
    for start, end in sorted((start - source.end, end - source.end) for start, end in spans):
        left.append(source.trailer[at : max(at, start)])
        at = max(at, end)
    return b"\0\0".join((*left, source.trailer[at:]))


def _pointed_at(source: Segments, start: int) -> bool:
    """Say whether a number in EXIF could be the place of the picture at `start`.

    Makers count from the file's start, from EXIF's TIFF header, or from one of their own inside the maker note.
    """
    for segment in source.metadata:
        if segment.body[:6] == b"Exif\0\0":
            headers = [found.start() for found in _TIFF.finditer(segment.data)][:_MOST_HEADERS]
            places = {start, *(start - segment.at - header for header in headers)}
            numbers = [place.to_bytes(4, order) for place in places for order in _ORDERS]
            if any(number in segment.body for number in numbers):
                return True
    return False


def _indexes(source: Segments) -> list[Segment]:
    return [s for s in source.metadata if s.marker == _APP2 and s.body.startswith(mpf.NAME)]


def carry_over(source: Segments, encoded: bytes) -> bytes:
    """Return `encoded` with the metadata and the trailer of `source`; raises Keep when a number cannot be rewritten."""
    picture = jpeg.take_apart(encoded)
    metadata = [segment.data for segment in source.metadata]
    for _ in range(_ROUNDS):  # a length with more or fewer digits changes the length once more
        made = jpeg.put_together(metadata, picture, source.trailer)
        end = len(made) - len(source.trailer)
        again = _with_lengths(source, metadata, end)
        if again == metadata:
            return made
        metadata = again
    raise Keep("the picture's own length in its metadata cannot be made right")


def _with_lengths(source: Segments, metadata: list[bytes], end: int) -> list[bytes]:
    made, at = [], 2
    for old, new in zip(source.metadata, metadata, strict=True):
        made.append(_rewritten(source, old, at, end))
        at += len(new)
    return made


def _rewritten(source: Segments, segment: Segment, at: int, end: int) -> bytes:
    """Return `segment` as it must be at `at` in a file whose first picture ends at `end`."""
    if segment.marker == _APP1 and segment.body.startswith(container.XMP):
        if container.primary_length(segment.body) not in (0, source.end):
            raise Keep("its metadata gives another length of the picture than it has")
        return container.with_primary_length(segment.data, end)
    if segment.marker == _APP2 and segment.body.startswith(mpf.NAME):
        return _moved(segment, source.end, at, end)
    return segment.data


def _moved(segment: Segment, old_end: int, at: int, end: int) -> bytes:
    try:
        index = mpf.read_index(segment.data)
        old, new = (segment.at + mpf.HEADER, old_end), (at + mpf.HEADER, end)
        return mpf.with_pictures(segment.data, index, mpf.moved(index, old, new))
    except mpf.BadIndex as error:
        raise Keep(f"its index of pictures (MPF) cannot be trusted: {error}") from error


def account(source: bytes, made: bytes) -> str:
    """Compare every byte of metadata in two whole files; return what was carried over, raise Keep for a difference."""
    old, new = jpeg.take_apart(source), jpeg.take_apart(made)
    if len(old.metadata) != len(new.metadata):
        raise Keep(
            f"the rendition has {len(new.metadata)} of {len(old.metadata)} metadata segments"
        )
    if old.trailer != new.trailer:
        raise Keep("the rendition's bytes behind the end marker differ")
    pairs = zip(old.metadata, new.metadata, strict=True)
    try:
        for before, after in ((one, other) for one, other in pairs if one.data != other.data):
            _compare_numbers(before, after, source, made)
    except mpf.BadIndex as error:
        raise Keep(f"the rendition's index of pictures (MPF) is wrong: {error}") from error
    size = sum(len(segment.data) for segment in old.metadata) + len(old.trailer)
    return f"{len(old.metadata)} segments and {size:,} bytes of metadata the same"


def _compare_numbers(before: Segment, after: Segment, source: bytes, made: bytes) -> None:
    """Raise Keep unless the two segments differ in nothing but numbers that lead to the same bytes."""
    if before.body.startswith(container.XMP):
        one, other = (container.with_primary_length(s.data, 1) for s in (before, after))
        if one != other or container.primary_length(after.body) != jpeg.take_apart(made).end:
            raise Keep("the rendition's XMP differs")
    elif before.body.startswith(mpf.NAME):
        _compare_pictures(before, after, source, made)
    else:
        raise Keep(f"the rendition's segment {before.marker:#x} differs")


def _compare_pictures(before: Segment, after: Segment, source: bytes, made: bytes) -> None:
    old, new = mpf.read_index(before.data), mpf.read_index(after.data)
    ends = jpeg.take_apart(source).end, jpeg.take_apart(made).end
    places = (before.at + mpf.HEADER, ends[0]), (after.at + mpf.HEADER, ends[1])
    if mpf.moved(old, *places) != new.pictures:
        raise Keep("the rendition's index of pictures (MPF) names wrong places")
    if mpf.with_pictures(after.data, old, old.pictures) != before.data:
        raise Keep("the rendition's index of pictures (MPF) differs in more than its places")
    for one, other in zip(old.pictures, new.pictures, strict=True):
        if one.offset and _bytes(source, before, one) != _bytes(made, after, other):
            raise Keep("a further picture of the rendition differs")


def _bytes(data: bytes, segment: Segment, picture: mpf.Picture) -> bytes:
    start = segment.at + mpf.HEADER + picture.offset
    return data[start : start + picture.size]
