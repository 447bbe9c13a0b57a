"""A film of fields is seen in its codec's box, whatever else that holds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from services.compressor.films.movie import check_carried, picture
from services.compressor.films.mp4 import Track, read_movie
from services.compressor.films.scanning import may_be_interlaced
from services.compressor.verdict import Keep
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from pathlib import Path

X264 = ("-c:v", "libx264", "-preset", "ultrafast")
X265 = ("-c:v", "libx265", "-preset", "ultrafast")


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ((*X264, "-pix_fmt", "yuv420p"), False),
        ((*X264, "-pix_fmt", "yuv444p"), False),
        ((*X264, "-pix_fmt", "yuv420p", "-x264-params", "cqm=jvt:8x8dct=1"), False),
        ((*X264, "-pix_fmt", "yuv420p", "-x264-params", "tff=1:cqm=jvt:8x8dct=1"), True),
        ((*X264, "-pix_fmt", "yuv422p", "-flags", "+ildct+ilme", "-x264-params", "tff=1"), True),
        ((*X265, "-x265-params", "log-level=error"), False),
    ],
)
def test_fields_are_seen(tmp_path: Path, options: tuple[str, ...], fields: bool) -> None:
    path = tmp_path / "a.mov"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=96x80:r=10:d=0.3", *options, str(path))
    movie = read_movie(path)
    assert may_be_interlaced(picture(movie)) is fields
    if fields:
        with pytest.raises(Keep, match="interlaced"):
            check_carried(movie)


def track(codec: bytes, box: bytes) -> Track:
    inside = struct.pack(">I", 8 + len(box)) + codec + box
    entry = bytes(86) + inside
    return Track(b"vide", b"avc1", 1, 1, b"", 1, 1.0, 1, entry)


@given(st.sampled_from([b"avcC", b"hvcC", b"none"]), st.binary(max_size=60))
def test_any_box_tells_or_may_be(codec: bytes, box: bytes) -> None:
    assert may_be_interlaced(track(codec, box)) in (True, False)


@given(st.binary(max_size=30), st.sampled_from([66, 77, 100, 244]))
def test_any_parameter_set_tells_or_may_be(body: bytes, profile: int) -> None:
    unit = bytes((0x67, profile, 0, 30)) + body
    box = bytes((1, profile, 0, 30, 255, 225)) + len(unit).to_bytes(2) + unit
    assert may_be_interlaced(track(b"avcC", box)) in (True, False)


def test_parameters_that_end_early_may_be() -> None:
    box = bytes((1, 66, 0, 30, 255, 225, 0, 5, 0x67, 66, 0, 30, 0))
    assert may_be_interlaced(track(b"avcC", box))
    assert not may_be_interlaced(track(b"avcC", box[:6]))
