"""Hostile bytes may be refused, never answered with an error that nobody expects."""

import struct
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given, strategies as st

from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.kind import kind_of, sniff
from services.compressor.stills import jpeg, png
from services.compressor.tiers.policy import Kind
from services.compressor.verdict import Broken
from tests.unit.compressor import gain_maps
from tests.unit.compressor.hostile import chunk


@given(st.binary(max_size=300))
def test_any_bytes_are_a_jpeg_or_broken(data: bytes) -> None:
    with suppress(Broken):
        jpeg.take_apart(b"\xff\xd8" + data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_png_or_broken(data: bytes) -> None:
    with suppress(Broken):
        png.take_apart(png.SIGNATURE + data)


headers = st.binary(min_size=13, max_size=13).map(lambda body: (b"IHDR", body))
others = st.tuples(
    st.sampled_from([b"IDAT", b"IDAT", b"IEND", b"IHDR", b"tEXt", b"acTL", b"caBX", b"zzZz"]),
    st.binary(max_size=40),
)


@given(headers, st.lists(others, max_size=8), st.binary(max_size=8))
def test_any_whole_chunks_are_put_together_as_they_were_or_refused(
    header: tuple[bytes, bytes], found: list[tuple[bytes, bytes]], behind: bytes
) -> None:
    data = png.SIGNATURE + b"".join(chunk(*one) for one in (header, *found)) + behind
    with suppress(Broken):
        parts = png.take_apart(data)
        png.obstacle(parts)
        assert png.with_pixels(parts, parts) == data
        png.account(data, data)


segments = st.tuples(
    st.sampled_from([*range(0xE0, 0xF0), 0xFE, 0xDB, 0xC4, 0xC0, 0xC2, 0xDD]),
    st.binary(max_size=40),
)


@given(st.lists(segments, max_size=8), st.binary(max_size=40), st.binary(max_size=20))
def test_any_segments_are_put_together_in_their_order(
    found: list[tuple[int, bytes]], scan: bytes, trailer: bytes
) -> None:
    head = b"".join(gain_maps.segment(marker, body) for marker, body in found)
    data = b"\xff\xd8" + head + gain_maps.segment(0xDA, b"") + scan.replace(b"\xff", b"\xff\0")
    data += b"\xff\xd9" + trailer
    parts = jpeg.take_apart(data)
    metadata = [(m, b) for m, b in found if m >= 0xE0]
    assert [(segment.marker, segment.body) for segment in parts.metadata] == metadata
    made = jpeg.put_together([segment.data for segment in parts.metadata], parts, parts.trailer)
    again = jpeg.take_apart(made)
    assert [segment.data for segment in again.metadata] == [s.data for s in parts.metadata]
    assert parts.trailer == trailer
    assert made.endswith(trailer)
    assert len(made) == len(data)
    with suppress(Broken):
        jpeg.unusual(parts)


boxes = st.recursive(
    st.binary(max_size=60),
    lambda inside: st.lists(
        st.tuples(
            st.sampled_from(
                [
                    b"trak",
                    b"mdia",
                    b"minf",
                    b"stbl",
                    b"stsd",
                    b"stts",
                    b"mvhd",
                    b"meta",
                    b"udta",
                    b"keys",
                    b"ilst",
                ]
            ),
            inside,
        ),
        max_size=4,
    ).map(
        lambda found: b"".join(
            struct.pack(">I", 8 + len(body)) + name + body for name, body in found
        )
    ),
    max_leaves=8,
)


@given(boxes)
def test_any_boxes_are_a_movie_or_refused(body: bytes) -> None:
    with NamedTemporaryFile() as file:
        file.write(struct.pack(">I", 8 + len(body)) + b"moov" + body)
        file.flush()
        with suppress(NotMp4, struct.error):
            read_movie(Path(file.name))
        assert kind_of(Path(file.name)) in {Kind.OTHER_VIDEO, Kind.H264, Kind.HEVC}


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe1", Kind.JPEG),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Kind.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1", Kind.AVIF),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Kind.OTHER_VIDEO),
        (b"\0\0\0\x08wide\0\0\0\0mdat", Kind.OTHER_VIDEO),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", Kind.RAW),
        (b"II*\0\x08\0\0\0", Kind.RAW),
        (b"RIFF\0\0\0\0WEBPVP8 ", Kind.WEBP),
        (b"RIFF\0\0\0\0AVI LIST", Kind.OTHER_VIDEO),
        (b"GIF89a", Kind.GIF),
        (b"hello, world", Kind.UNKNOWN),
        (b"", Kind.UNKNOWN),
    ],
)
def test_a_kind_is_told_by_its_first_bytes(head: bytes, kind: Kind) -> None:
    assert sniff(head) is kind
