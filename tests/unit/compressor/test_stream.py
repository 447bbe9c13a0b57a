"""What a film's picture stream says or shows besides its pictures, and x265 would not write, leaves the film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from services.compressor.encode import Job, compress
from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.films.parameters import avc_said, hevc_said
from services.compressor.films.stream import Stream, check_stream, read_stream
from services.compressor.verdict import Keep, Left
from tests.unit.compressor import samples
from tests.unit.compressor.hdr_films import (
    LEVELS,
    PQ_SEQUENCE,
    TIMED_SEQUENCE,
    message,
    small_avc_film,
    small_hdr_film,
    unit,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PICTURE, AVC_PICTURE = unit(19), b"\x65picture"
CAPTIONS = bytes.fromhex("b5003147413934")


def avc(*messages: bytes) -> bytes:
    stored = (b"\x06" + one[2:] for one in messages)
    return small_avc_film(*stored, AVC_PICTURE, before=TIMED_SEQUENCE)


def read(tmp_path: Path, film: bytes) -> Stream:
    path = tmp_path / "small.mov"
    path.write_bytes(film)
    return read_stream(path, read_movie(path))


def sdr(*stored: bytes, before: tuple[bytes, ...] = ()) -> bytes:
    return small_hdr_film(*stored, before=before, colours=b"")


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (small_hdr_film(PICTURE, PQ_SEQUENCE, PICTURE), "changes its parameters"),
        (small_hdr_film(PQ_SEQUENCE + b"\1", PICTURE, before=(PQ_SEQUENCE,)), "changes its parameters"),
        (small_hdr_film(PICTURE, before=(PQ_SEQUENCE, PQ_SEQUENCE + b"\1")), "changes its form"),
        (sdr(PICTURE, *[unit(38, b"")] * 2001), "too many parts"),
        (sdr(PICTURE, before=(PQ_SEQUENCE,)), "its stream says that it is HDR"),
        (sdr(PICTURE, before=(PQ_SEQUENCE[:20],)), "could not be read"),
        (sdr(message(4, CAPTIONS), PICTURE), "SEI 4"),
        (sdr(message(45, b"\x80"), PICTURE), "SEI 45"),
        (sdr(message(136, bytes(7)), PICTURE), "SEI 136"),
        (sdr(message(144, LEVELS), PICTURE), "SEI 144"),
        (sdr(message(147, b"\x12"), PICTURE), "SEI 147"),
        (avc(message(4, CAPTIONS)), "SEI 4"),
        (avc(message(5, bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM")), "its camera noted"),
        (avc(message(5, b"MISPmicrosectime" + bytes(12))), "its camera noted"),
        (avc(message(45, b"\x80")), "SEI 45"),
        (avc(message(1, bytes((0, 0, 0b00000010, 0)))), "SEI 1"),
        (avc(message(1, bytes((0, 0, 0b00001100, 0)))), "SEI 1"),
        (avc(message(1, b"\0\0")), "could not be read"),
        (small_avc_film(AVC_PICTURE, b"\x14second eye", before=TIMED_SEQUENCE), "parts"),
        (small_avc_film(AVC_PICTURE, b"\x13see-through", before=TIMED_SEQUENCE), "parts"),
        (small_avc_film(TIMED_SEQUENCE + b"\1", AVC_PICTURE, before=TIMED_SEQUENCE), "changes"),
    ],
)  # fmt: skip
def test_what_a_rendition_would_lose_leaves_any_film(
    tmp_path: Path, film: bytes, reason: str
) -> None:
    with pytest.raises(Keep, match=reason):
        read(tmp_path, film)


@pytest.mark.parametrize(
    "film",
    [
        small_hdr_film(PQ_SEQUENCE, PICTURE, before=(PQ_SEQUENCE,)),
        sdr(message(1, b"\0\0"), message(0, bytes(9)), message(132, bytes(17)), PICTURE),
        avc(message(0, bytes(9)), message(1, bytes((0, 0, 0b00000001, 0))), message(6, b"\x80")),
        avc(message(5, b"words of a program")),
    ],
)
def test_what_only_helps_a_decoder_is_of_no_matter(tmp_path: Path, film: bytes) -> None:
    assert not read(tmp_path, film).is_full


FULL = "setparams=range=pc:color_primaries=bt2020:color_trc=bt709:colorspace=bt2020nc"
X264 = ("-c:v", "libx264", "-x264-params")
X265 = ("-c:v", "libx265", "-tag:v", "hvc1", "-x265-params")


@pytest.mark.parametrize(
    "encoder",
    [
        (*X265, "scaling-list=default:temporal-layers=2:repeat-headers=1:log-level=error"),
        (*X265, "hrd=1:vbv-maxrate=900:vbv-bufsize=900:sar=3:hash=1:aud=1:log-level=error"),
        (*X264, "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:pic-struct=1:aud=1"),
        (*X264, "cqm=jvt:8x8dct=1:slices=2"),
    ],
)
def test_the_colours_are_read_where_real_encoders_write_them(
    tmp_path: Path, encoder: tuple[str, ...]
) -> None:
    path = tmp_path / "a.mov"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=160x120:r=15", "-frames:v", "6", "-vf", f"format=yuv420p,{FULL}", *encoder, str(path))  # fmt: skip
    assert read_stream(path, read_movie(path)) == Stream(is_full=True, colours=b"\x09\x01\x09")


async def test_two_eyes_in_one_picture_are_not_lost(
    tmp_path: Path, job: Callable[..., Job]
) -> None:
    plain = ("-pix_fmt", "yuv420p", "-x264-params", "frame-packing=3")
    answer = await compress(job(samples.video(tmp_path / "a.mov", encoder=plain)))
    assert isinstance(answer, Left)
    assert "SEI 45" in answer.reason


def test_a_rendition_whose_stream_says_other_colours_never_counts() -> None:
    told = Stream(is_full=True, colours=b"\1\2\1")
    check_stream(told, Stream(is_full=True, colours=b"\1\1\1"))
    check_stream(Stream(), Stream(colours=b"\1\1\1"))
    for made in (Stream(colours=b"\1\2\1"), Stream(is_full=True), Stream(is_full=True, colours=b"\1\1\5")):  # fmt: skip
        with pytest.raises(Keep, match="other colours"):
            check_stream(told, made)


@given(st.binary(max_size=80), st.sampled_from([PQ_SEQUENCE, TIMED_SEQUENCE]), st.integers(0, 40))
def test_any_parameters_are_read_or_refused(odd: bytes, seed: bytes, at: int) -> None:
    for read_said in (avc_said, hevc_said):
        try:
            read_said(seed[1:at] + odd)
        except (IndexError, NotMp4):
            continue
