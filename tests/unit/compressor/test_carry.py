"""What goes from a JPEG to its rendition bit for bit, which numbers change, and what is refused."""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from services.compressor.stills import carry, container, jpeg, mpf
from services.compressor.verdict import Broken, Keep
from tests.unit.compressor import gain_maps, samples

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def photo(quality: int = 95) -> bytes:
    out = io.BytesIO()
    image = samples.picture()
    image.save(out, "JPEG", quality=quality, exif=samples.exif(), icc_profile=samples.icc())
    return out.getvalue()


def carried(source: bytes, encoded: bytes | None = None) -> bytes:
    parts = jpeg.take_apart(source)
    assert carry.obstacle(parts) is None
    made = carry.carry_over(parts, encoded or photo(50))
    carry.account(source, made)
    return made


def further(data: bytes) -> list[bytes]:
    """The pixels of all pictures as Pillow finds them by the index, the first one left out."""
    with Image.open(io.BytesIO(data)) as image:
        found = []
        for frame in range(1, getattr(image, "n_frames", 1)):
            image.seek(frame)
            found.append(image.tobytes())
        return found


def obstacle(data: bytes) -> str:
    return carry.obstacle(jpeg.take_apart(data)) or ""


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("maker", [gain_maps.apple, gain_maps.google])
def test_a_gain_map_is_found_at_its_new_place(maker: Callable[..., bytes], order: str) -> None:
    source = maker(photo(), order)
    made = carried(source)
    assert len(made) < len(source)
    assert further(made) == further(source) != []
    assert jpeg.take_apart(made).trailer == jpeg.take_apart(source).trailer


def test_the_index_gives_the_first_picture_its_new_size() -> None:
    made = jpeg.take_apart(carried(gain_maps.apple(photo())))
    (segment,) = [s for s in made.metadata if s.body.startswith(mpf.NAME)]
    assert mpf.read_index(segment.data).pictures[0].size == made.end


def test_a_picture_keeps_its_distance_from_the_first_ones_end() -> None:
    picture = gain_maps.gain_map()
    source = gain_maps.with_index(photo(), [picture, picture], gap=bytes(7))
    assert further(carried(source)) == further(source)


def test_padding_that_the_index_counts_to_the_first_picture_stays_counted() -> None:
    made = carried(gain_maps.apple(photo() + bytes(5)))
    parts = jpeg.take_apart(made)
    (segment,) = [s for s in parts.metadata if s.body.startswith(mpf.NAME)]
    assert mpf.read_index(segment.data).pictures[0].size == parts.end + 5


def test_a_length_of_the_first_picture_in_xmp_follows_it() -> None:
    rough = gain_maps.google(photo(), primary=' Item:Length="100000"')
    length = jpeg.take_apart(rough).end
    source = rough.replace(b'"100000"', b'"%06d"' % length)
    made = carried(source)
    (packet,) = [s for s in jpeg.take_apart(made).metadata if s.body.startswith(container.XMP)]
    assert container.primary_length(packet.body) == jpeg.take_apart(made).end != length
    assert further(made) == further(source)


def test_a_wrong_length_of_the_first_picture_in_xmp_is_refused() -> None:
    source = gain_maps.google(photo(), primary=' Item:Length="77"')
    with pytest.raises(Keep, match="another length"):
        carry.carry_over(jpeg.take_apart(source), photo(50))


def test_a_gain_map_that_only_the_directory_lists_is_carried_over() -> None:
    picture = gain_maps.gain_map()
    xmp = gain_maps.segment(0xE1, gain_maps.XMP + gain_maps.directory(("GainMap", len(picture))))
    source = gain_maps.with_segments(photo(), xmp) + picture
    assert carried(source).endswith(picture)


def test_unknown_segments_and_trailing_bytes_stay_in_their_order() -> None:
    odd = [
        gain_maps.segment(0xED, b"Photoshop 3.0\08BIM\4\4\0\0\0\0\0\2hi"),
        gain_maps.segment(0xFE, b"from the lake"),
        gain_maps.segment(0xE1, container.EXTENDED_XMP + b"0" * 32 + bytes(8) + b"<more/>"),
        gain_maps.segment(0xEC, b"Ducky"),
        gain_maps.segment(0xFE, b""),
    ]
    source = gain_maps.with_segments(photo(), *odd) + b"SEFT trailer"
    made = carried(source)
    assert b"".join(odd) in made
    assert made.endswith(b"SEFT trailer")


def test_every_lost_changed_or_moved_byte_of_metadata_is_seen() -> None:
    source = gain_maps.google(photo())
    made = carried(source)
    parts = jpeg.take_apart(made)
    spans = [(s.at, s.at + len(s.data)) for s in parts.metadata] + [(parts.end, len(made))]
    for start, end in spans:
        for at in range(start, end, max(1, (end - start) // 40)):
            hurt = bytearray(made)
            hurt[at] ^= 0x55
            with pytest.raises((Keep, Broken)):
                carry.account(source, bytes(hurt))
    for start, end in spans:
        with pytest.raises((Keep, Broken)):
            carry.account(source, made[:start] + made[end:])


def test_changed_bytes_behind_the_end_that_no_index_names_are_seen() -> None:
    source = photo() + b"SEFT trailer"
    with pytest.raises(Keep, match="behind the end"):
        carry.account(source, carried(source)[:-1] + b"?")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (lambda: photo() + gain_maps.gain_map(), "no index names"),
        (lambda: gain_maps.with_index(photo(), [b"no picture"]), "no picture"),
        (lambda: gain_maps.apple(photo())[:-100], "outside the file"),
        (lambda: gain_maps.with_index(photo(), [photo()], kind=gain_maps.STEREO), "stereo"),
        (lambda: gain_maps.apple(gain_maps.apple(photo())), "several indexes"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xE2, b"MPF\0II*\0")), "too early"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xE2, b"MPF\0what")), "no TIFF"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xE1, b"GDepth:")), "depth"),
        (lambda: photo() + b"\0\0\0\x18ftypmp42", "video"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xE1, b"Camera:MotionPhoto='1'")), "motion"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xEB, b"JP\0\1\0\0\0\1jumb c2pa")), "signature"),
        (lambda: gain_maps.with_segments(photo(), gain_maps.segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x09RESI?")), "refines its own pixels"),
        (lambda: photo() + b"AXS!" + bytes(20) + b"AXS!\0\0\1\0\0\0\0\0", "places in the file"),
        (lambda: photo() + b"\0" + photo(30)[1:], "no index names"),
    ],
)  # fmt: skip
def test_what_would_be_lost_or_wrong_is_refused(source: Callable[[], bytes], reason: str) -> None:
    assert re.search(reason, obstacle(source()))


@pytest.mark.parametrize("base", ["file", "EXIF", "maker note"])
def test_a_picture_that_a_maker_note_points_at_stays(base: str) -> None:
    source = gain_maps.apple(photo())
    parts = jpeg.take_apart(source)
    exif = parts.metadata[1]
    assert exif.body.startswith(b"Exif")
    own = exif.data.index(bytes(range(256)))
    header = {"file": -exif.at, "EXIF": 10, "maker note": own}[base]
    place = struct.pack(">I", parts.end - exif.at - header)
    hurt = exif.data[:own] + b"MM\0*" + place + exif.data[own + 8 :]
    assert "maker note" in obstacle(source.replace(exif.data, hurt))


def test_boxes_that_describe_a_picture_are_carried_over() -> None:
    box = gain_maps.segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdjson" + bytes(16))
    assert box in carried(gain_maps.with_segments(photo(), box))


def test_a_grey_picture_of_photoshops_is_no_rgb() -> None:
    out = io.BytesIO()
    samples.picture(mode="L").save(out, "JPEG")
    adobe = gain_maps.segment(0xEE, b"Adobe\0\x64" + bytes(5))
    assert not obstacle(gain_maps.with_segments(out.getvalue(), adobe))


def test_a_thumbnail_in_the_index_is_carried_over() -> None:
    source = gain_maps.with_index(photo(), [photo(40)], kind=gain_maps.THUMBNAIL)
    assert further(carried(source)) == further(source)


def test_metadata_among_the_scans_is_refused() -> None:
    out = io.BytesIO()
    samples.picture().save(out, "JPEG", progressive=True)
    data = out.getvalue()
    at = data.rindex(b"\xff\xda")
    assert "scans" in obstacle(data[:at] + gain_maps.segment(0xFE, b"late") + data[at:])


def test_a_picture_that_another_one_interrupts_is_broken() -> None:
    with pytest.raises(Broken, match="another JPEG"):
        jpeg.take_apart(photo()[:-2] + photo())


def test_fill_bytes_without_end_are_read_once() -> None:
    with pytest.raises(Broken):
        jpeg.take_apart(photo()[:-2] + b"\xff" * 4_000_000)


mangled = st.tuples(st.integers(0, 1 << 30), st.integers(0, 255))


@settings(max_examples=150)
@given(st.lists(mangled, max_size=12), st.sampled_from("<>"), st.integers(0, 200))
def test_mangled_metadata_is_carried_over_provably_or_refused(
    changes: list[tuple[int, int]], order: str, cut: int
) -> None:
    data = bytearray(SOURCES[order])
    head = data.index(b"\xff\xda")
    for at, value in changes:
        data[at % head] = value
    with suppress(Broken, Keep):
        source = bytes(data[: len(data) - cut])
        parts = jpeg.take_apart(source)
        if carry.obstacle(parts) is None:
            carry.account(source, carry.carry_over(parts, ENCODED))


@given(st.binary(max_size=120), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_any_index_is_read_or_refused(data: bytes, magic: bytes) -> None:
    with suppress(mpf.BadIndex):
        mpf.read_index(gain_maps.segment(0xE2, mpf.NAME + magic + data))


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode), st.integers(1, 1 << 31))
def test_any_packet_has_a_length_or_none(data: bytes, length: int) -> None:
    segment = gain_maps.segment(0xE1, container.XMP + data)
    made = container.with_primary_length(segment, length)
    assert container.primary_length(made[4:]) in (0, length)


ENCODED = photo(50)
SOURCES = {order: gain_maps.google(photo(), order) for order in "<>"}
