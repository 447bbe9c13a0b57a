"""What a HEIC holds that its rendition would lose is seen in the boxes, whatever the decoder says."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from services.compressor import heic
from services.compressor.heic_items import odd_parts
from tests.unit.compressor import samples


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def item(kind: bytes, version: int = 2) -> bytes:
    number = bytes(2) if version == 2 else bytes(4)
    return box(b"infe", bytes((version, 0, 0, 0)) + number + bytes(2) + kind + b"\0")


def file_of(*items: bytes, top: bytes = b"", version: int = 0) -> bytes:
    count = len(items).to_bytes(4 if version else 2)
    iinf = box(b"iinf", bytes((version, 0, 0, 0)) + count + b"".join(items))
    return box(b"ftyp", b"heic") + box(b"meta", bytes(4) + iinf) + top + box(b"mdat", b"..")


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (file_of(item(b"hvc1"), item(b"grid"), item(b"Exif"), item(b"mime")), None),
        (file_of(item(b"hvc1", 3), version=1), None),
        (file_of(item(b"hvc1"), item(b"tmap")), "its tmap item would be lost"),
        (file_of(item(b"hvc1"), item(b"mime"), item(b"mime")), "one of its 2 mime items"),
        (file_of(item(b"hvc1", 3), item(b"iovl", 3), version=1), "its iovl item"),
        (file_of(item(b"hvc1"), top=box(b"mpvd", b"video")), "its mpvd box would be lost"),
        (file_of(item(b"hvc1"), top=box(b"uuid", b"more")), "its uuid box"),
        (file_of(item(b"hvc1"), top=box(b"moov", b"")), "its moov box"),
        (file_of(box(b"infe", bytes(12))), "its old item"),
    ],
)
def test_what_would_be_lost_is_named(data: bytes, lost: str | None) -> None:
    found = odd_parts(data)
    assert found is None if lost is None else lost in str(found)


@given(st.binary(max_size=200))
def test_any_boxes_are_listed_without_an_accident(data: bytes) -> None:
    odd_parts(box(b"meta", bytes(4) + box(b"iinf", data)))
    odd_parts(data)


def test_a_plain_heic_has_nothing_odd(tmp_path: Path) -> None:
    heic.register()
    out = io.BytesIO()
    samples.picture().save(
        out, "HEIF", quality=60, exif=samples.exif(), xmp=b"<x/>", icc_profile=samples.icc()
    )
    assert odd_parts(out.getvalue()) is None
