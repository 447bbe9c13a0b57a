"""Makes JPEGs with further pictures behind their end, laid out as Apple, Google and camera makers do."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING

from services.compressor.stills import jpeg
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

XMP = b"http://ns.adobe.com/xap/1.0/\0"
PRIMARY, UNDEFINED, THUMBNAIL, STEREO = 0x20030000, 0, 0x00010001, 0x00020002


@cache
def gain_map(extra: bytes = b"") -> bytes:
    """A small grey JPEG with the metadata of a gain map."""
    out = io.BytesIO()
    samples.picture((64, 48), "L").save(out, "JPEG", quality=80)
    packet = b'<rdf:Description hdrgm:Version="1.0" hdrgm:GainMapMax="2.3"/>' + extra
    return with_segments(out.getvalue(), segment(0xE1, XMP + packet))


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def directory(*items: tuple[str, int], primary: str = "") -> bytes:
    """Google's container directory; `items` are the semantics and lengths of what lies behind the picture."""
    rows = [
        f'<Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary"{primary}/>',
        *(
            f'<Container:Item Item:Mime="image/jpeg" Item:Semantic="{name}" Item:Length="{n}"/>'
            for name, n in items
        ),
    ]
    inside = "".join(f'<rdf:li rdf:parseType="Resource">{row}</rdf:li>' for row in rows)
    return f"<x:xmpmeta><rdf:Description hdrgm:Version='1.0'><Container:Directory><rdf:Seq>{inside}</rdf:Seq></Container:Directory></rdf:Description></x:xmpmeta>".encode()


def index(order: str, rows: Sequence[tuple[int, int, int]]) -> bytes:
    """An MPF segment of three tags; rows are attributes, size, offset."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 3)
    tags = struct.pack(order + "HHI4s", 0xB000, 7, 4, b"0100")
    tags += struct.pack(order + "HHII", 0xB001, 4, 1, len(rows))
    tags += struct.pack(order + "HHII", 0xB002, 7, 16 * len(rows), 8 + 2 + 36 + 4)
    table = b"".join(struct.pack(order + "IIIHH", *row, 0, 0) for row in rows)
    return segment(0xE2, b"MPF\0" + head + tags + struct.pack(order + "I", 0) + table)


def with_index(
    data: bytes,
    pictures: Sequence[bytes],
    order: str = ">",
    kind: int = UNDEFINED,
    gap: bytes = b"",
) -> bytes:
    """`data` with an MPF segment behind its other APPn, and `pictures` behind its end with `gap` before each."""
    metadata = jpeg.take_apart(data).metadata
    at = metadata[-1].at + len(metadata[-1].data)
    size = len(data) + len(index(order, [(0, 0, 0)] * (len(pictures) + 1)))
    rows, end = [(PRIMARY, size, 0)], size
    for picture in pictures:
        rows.append((kind, len(picture), end + len(gap) - at - 8))
        end += len(gap) + len(picture)
    return data[:at] + index(order, rows) + data[at:] + b"".join(gap + p for p in pictures)


def apple(data: bytes, order: str = ">") -> bytes:
    """As an iPhone writes "most compatible" HDR photos: the gain map is known by the index alone."""
    return with_index(data, [gain_map()], order)


def google(data: bytes, order: str = ">", primary: str = "") -> bytes:
    """Ultra HDR: listed in XMP's container directory and in the index, with the ISO 21496-1 version segment."""
    picture = gain_map()
    iso = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
    xmp = segment(0xE1, XMP + directory(("GainMap", len(picture)), primary=primary))
    return with_index(with_segments(data, xmp, iso), [picture], order)
