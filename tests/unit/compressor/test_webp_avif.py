"""A WebP or AVIF gets a smaller picture and stays the same in every other byte but lengths, places and level; what cannot stay the same is left."""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from services.compressor.encode import Job, compress
from services.compressor.stills import avif, webp
from services.compressor.stills.iloc import Extent
from services.compressor.tiers.tier import Still, Tier
from services.compressor.verdict import Compressed, Keep, Left
from tests.fuzz import still_containers
from tests.unit.compressor import samples
from tests.unit.compressor.test_heic_items import box, item

Make = Callable[..., Job]
TIERS = (Tier("all", None, webp=Still("libwebp", 75, 50), avif=Still("aom", 65, 50)),)
XMP = b"<x:xmpmeta xmp:Rating='5'/>"
KINDS = ("webp", "avif")


def saved(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (160, 120), **options: Any
) -> bytes:
    out = io.BytesIO()
    told = {"quality": 92, "exif": samples.exif(), "xmp": XMP, "icc_profile": samples.icc()}
    image = samples.picture(size, mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    image.save(out, kind, **{**told, **options})
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
async def test_all_metadata_stays_and_the_rendition_is_of_the_same_form(
    tmp_path: Path, job: Make, kind: str
) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(saved(kind))
    answer = await compress(replace(job(source), tiers=TIERS))
    assert isinstance(answer, Compressed), answer
    assert answer.size < 0.9 * source.stat().st_size
    assert answer.score is not None
    with Image.open(source) as old, Image.open(answer.path) as new:
        assert (old.format, old.size, old.mode) == (new.format, new.size, new.mode)
        for name in ("exif", "xmp", "icc_profile"):
            assert old.info[name] == new.info[name] != b""
        assert samples.MAKER_NOTE in new.info["exif"]
        assert new.getexif()[0x0112] == 6


@pytest.mark.parametrize("kind", KINDS)
async def test_without_an_order_it_is_left(tmp_path: Path, job: Make, kind: str) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(saved(kind))
    answer = await compress(job(source))
    assert isinstance(answer, Left)
    assert answer.reason.startswith("the tier heavy leaves ")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_floor_out_of_reach_leaves_it(tmp_path: Path, job: Make, kind: str) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(saved(kind, quality=99))
    webps, avifs = (Still(encoder, 40, 99.5, tries=2) for encoder in ("libwebp", "aom"))
    strict = Tier("all", None, webp=webps, avif=avifs)
    answer = await compress(replace(job(source), tiers=(strict,)))
    assert isinstance(answer, Left)
    assert "its look would suffer: score" in answer.reason
    assert "quality 45" in answer.reason


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hole_that_no_decoder_tells_of_leaves_it(
    tmp_path: Path, job: Make, kind: str
) -> None:
    source, data = tmp_path / f"a.{kind}", bytearray(saved(kind))
    at = data.index(b"VP8 ") + 3000 if kind == "webp" else len(data) - 1500
    data[at : at + 100] = bytes(100)
    source.write_bytes(data)
    answer = await compress(replace(job(source), tiers=TIERS))
    assert isinstance(answer, Left)
    assert "a hole of zeros lies in its picture" in answer.reason


def with_chunk(data: bytes, name: bytes, body: bytes = b"abc\0") -> bytes:
    whole = data + name + struct.pack("<I", len(body)) + body
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def with_chunks(count: int) -> bytes:
    """A WebP with so many empty chunks behind its own."""
    whole = saved("webp") + struct.pack("<4sI", b"mine", 0) * count
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def scaled(data: bytes, byte: int) -> bytes:
    """The WebP with a scale in this byte of its picture."""
    at = data.index(b"VP8 ") + 8 + byte
    return data[:at] + bytes((data[at] | 0x40,)) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved("webp", lossless=True), "without loss"),
        (saved("webp", "RGBA"), "transparent"),
        (with_chunk(saved("webp"), b"C2PA"), "signature"),
        (with_chunk(saved("webp"), b"ANMF"), "animated"),
        (with_chunk(saved("webp"), b"VP8 "), "not one picture"),
        (saved("webp") + b"more", "length"),
        (scaled(saved("webp"), 7), "shown larger"),
        (scaled(saved("webp"), 9), "shown larger"),
        (with_chunks(1000), "more than 1,000 chunks"),
        (with_chunk(saved("webp"), b"mine", b"")[:-1], "length"),
        (with_chunk(saved("webp")[:-1], b"mine"), "cut off"),
    ],
)  # fmt: skip
def test_a_webp_of_which_something_would_be_lost_is_left(data: bytes, reason: str) -> None:
    with pytest.raises(Keep, match=reason):
        webp.take_apart(data)


def test_chunks_that_nobody_knows_stay() -> None:
    source = with_chunk(saved("webp"), b"mine")
    made = webp.with_picture(webp.take_apart(source), saved("webp", quality=30))
    assert made.endswith(b"mine\4\0\0\0abc\0")
    assert "5 chunks the same" in webp.account(source, made)
    for odd in (made.replace(b"abc\0", b"abd\0"), made.replace(b"Rating", b"rating")):
        with pytest.raises(Keep, match="chunks differ"):
            webp.account(source, odd)


AVIF = saved("avif")
"""Its boxes: ftyp, meta, mdat; its items: the picture, EXIF and XMP, which lie before the picture."""
CODED = saved("avif", quality=30)


def meta_of(data: bytes) -> tuple[int, int]:
    at = data.index(b"meta") - 4
    return at, at + int.from_bytes(data[at : at + 4])


def rearranged(data: bytes, *, large: bool = True, base: int = 0, within: int = 0) -> bytes:
    """The same AVIF with its data first, the picture before its EXIF and XMP, and iloc in the form with wide numbers.

    Places are counted from `base`, or from the item's own begin if that is before it; the item `within` lies in the idat box.
    """
    parts = avif.take_apart(data)
    begin, end = meta_of(data)
    order = sorted(parts.extents, key=lambda one: one is not parts.picture)
    bodies = [data[one.begin : one.end] for one in order]
    idat = b"".join(body for one, body in zip(order, bodies, strict=True) if one.item == within)
    ftyp, body = data[:begin], b"".join(bodies)
    body = body.replace(idat, b"")
    head = (
        struct.pack(">I4sQ", 1, b"mdat", 16 + len(body))
        if large
        else struct.pack(">I4s", 8 + len(body), b"mdat")
    )
    rows, at = b"", len(ftyp) + len(head)
    for one, stored in zip(order, bodies, strict=True):
        inside = one.item == within
        start = 0 if inside else min(base, at)
        rows += struct.pack(">IH", one.item, inside) if large else struct.pack(">H", one.item)
        rows += struct.pack(">HQHQQ", 0, start, 1, 0 if inside else at - start, len(stored))
        at += 0 if inside else len(stored)
    count = len(order).to_bytes(4 if large else 2)
    iloc = box(b"iloc", bytes((2 * large, 0, 0, 0, 0x88, 0x80)) + count + rows)
    meta = data[begin:end]
    place = meta.index(b"iloc") - 4
    boxes = meta[12:place] + iloc + meta[place + int.from_bytes(meta[place : place + 4]) :]
    boxes += box(b"idat", idat) if within else b""
    return ftyp + head + body + box(b"meta", bytes(4) + boxes)


EXIF = 2
"""Its item's number, as libavif gives them."""


@pytest.mark.parametrize(
    "source",
    [AVIF, rearranged(AVIF), rearranged(AVIF, large=False), rearranged(AVIF, base=40), rearranged(AVIF, within=EXIF)],
    ids=["plain", "wide", "narrow", "with a base offset", "with EXIF in idat"],
)  # fmt: skip
def test_a_new_picture_is_found_wherever_the_items_lie(source: bytes) -> None:
    made = avif.with_picture(avif.take_apart(source), CODED)
    assert len(made) < len(source)
    assert avif.account(source, made).startswith("2 items the same, and every box but for lengths")
    with Image.open(io.BytesIO(source)) as old, Image.open(io.BytesIO(made)) as new, Image.open(io.BytesIO(CODED)) as coded:  # fmt: skip
        for name in ("exif", "xmp", "icc_profile"):
            assert old.info[name] == new.info[name]
        assert new.tobytes() == coded.tobytes() != old.tobytes()


def test_any_other_byte_that_differs_is_seen() -> None:
    made = avif.with_picture(avif.take_apart(AVIF), CODED)
    for odd in (
        made.replace(b"Rating", b"rating"),
        made.replace(b"irot", b"imir"),
        made.replace(b"Apple iOS", b"Apple ioS"),
        made.replace(FORM, FORM[:6] + bytes((FORM[6] | 0x80,)) + FORM[7:]),
        made.replace(FORM, FORM[:7] + b"\x10"),
    ):
        assert odd != made
        with pytest.raises(Keep, match="differ"):
            avif.account(AVIF, odd)


def test_items_in_each_others_place_are_seen() -> None:
    def place(data: bytes, number: int) -> Extent:
        return next(one for one in avif.take_apart(data).extents if one.item == number)

    exif = place(AVIF, EXIF)
    source = saved("avif", xmp=XMP.ljust(exif.end - exif.begin))
    made = bytearray(avif.with_picture(avif.take_apart(source), CODED))
    numbers = [place(bytes(made), item).offset_at for item in (EXIF, EXIF + 1)]
    one, other = (made[at.start : at.stop] for at in numbers)
    for at, number in zip(numbers, (other, one), strict=True):
        made[at.start : at.stop] = number
    with pytest.raises(Keep, match="metadata differs"):
        avif.account(source, bytes(made))


def swapped(old: bytes, new: bytes) -> bytes:
    assert AVIF.count(old) == 1
    return AVIF.replace(old, new)


def with_items(*items: bytes) -> bytes:
    """The file with these items in its list, which is as long as before."""
    begin = AVIF.index(b"iinf") - 4
    end = begin + int.from_bytes(AVIF[begin : begin + 4])
    body = bytes(4) + len(items).to_bytes(2) + b"".join(items)
    return (
        AVIF[:begin]
        + box(b"iinf", body.ljust(end - begin - 16, b"\0") + box(b"free", b""))
        + AVIF[end:]
    )


def elsewhere(begin: int) -> bytes:
    """The file whose EXIF lies at `begin` by its own account."""
    moved = next(one for one in avif.take_apart(AVIF).extents if one.item == EXIF)
    return AVIF[: moved.offset_at.start] + begin.to_bytes(4) + AVIF[moved.offset_at.stop :]


def stored(*, method: int = 0, reference: int = 0) -> bytes:
    """The file whose EXIF is stored by this method, in the file of this number."""
    data = rearranged(AVIF)
    at = next(one for one in avif.take_apart(data).extents if one.item == EXIF).offset_at.start
    return data[: at - 14] + struct.pack(">HH", method, reference) + data[at - 10 :]


def with_units(*units: bytes) -> bytes:
    """The file with these units behind the header in its picture, and lengths and places made right."""
    parts = avif.take_apart(AVIF)
    more = b"".join(units)
    behind = 4 + parts.coded[3]
    data = bytearray(AVIF)
    for at in (parts.picture.length_at, range(parts.holder.begin, parts.holder.begin + 4)):
        data[at.start : at.stop] = (int.from_bytes(data[at.start : at.stop]) + len(more)).to_bytes(4)  # fmt: skip
    data[parts.picture.begin + behind : parts.picture.begin + behind] = more
    return bytes(data)


def with_parts(count: int) -> bytes:
    """The file whose EXIF is listed in so many parts, all but the first empty."""
    plain = rearranged(AVIF)
    data = bytearray(plain)
    first = next(one for one in avif.take_apart(plain).extents if one.item == EXIF)
    more = struct.pack(">QQ", first.end, 0) * (count - 1)
    for at in (data.rindex(b"meta") - 4, data.rindex(b"iloc") - 4):
        data[at : at + 4] = (int.from_bytes(data[at : at + 4]) + len(more)).to_bytes(4)
    at = first.offset_at.start
    data[at - 2 : at] = count.to_bytes(2)
    data[first.length_at.stop : first.length_at.stop] = more
    return bytes(data)


FORM = AVIF[AVIF.index(b"av1C") : AVIF.index(b"av1C") + 8]
PRIVATE = b"\x2a\x0b\x04\xb5PRIVATE\x80\0"
"""A unit of metadata: ITU-T T.35."""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved("avif", "RGBA"), "it holds 2 pictures"),
        (saved("avif", "L"), "it is grey"),
        (swapped(FORM, FORM[:6] + bytes((FORM[6] | 0x40,)) + FORM[7:]), "more than 8 bits"),
        (swapped(b"irot", b"clap"), "clap property"),
        (swapped(b"irot", b"a1lx"), "a1lx property"),
        (AVIF + box(b"uuid", bytes(16)), "uuid box"),
        (AVIF + box(b"moov", b""), "moov box"),
        (with_items(item(b"av01"), item(b"tmap")), "tmap item"),
        (with_items(item(b"grid"), item(b"Exif")), "grid item"),
        (swapped(b"nclx", b"rICC"), "how its colours are stored"),
        (elsewhere(40), "not where it says"),
        (elsewhere(1 << 31), "not where it says"),
        (elsewhere(avif.take_apart(AVIF).picture.begin + 9), "lie on each other"),
        (elsewhere(avif.take_apart(AVIF).picture.begin - 40), "lie on each other"),
        (rearranged(AVIF, within=1), "does not lie in a box of data"),
        (stored(method=2), "taken apart"),
        (stored(reference=1), "taken apart"),
        (swapped(FORM, FORM[:6] + bytes((FORM[6] | 1,)) + FORM[7:]), "where its colours lie"),
        (swapped(FORM, FORM[:6] + bytes((FORM[6] | 2,)) + FORM[7:]), "where its colours lie"),
        (with_units(PRIVATE), "no picture"),
        (with_units(b"\0"), "no picture"),
        (with_units(b"\x92\0"), "no picture"),
        (with_units(b"\x7a\xff\xff\xff\x7f"), "its picture is cut off"),
        (with_units(b"\x12\0" * 1000), "more than 1,000 parts"),
        (AVIF + box(b"mdat", b"") * 64, "more than 64 boxes"),
        (with_parts(1001), "stored in more than 1,000 parts"),
        (AVIF[:-1], "taken apart"),
        (AVIF + b"more", "taken apart"),
    ],
)  # fmt: skip
def test_an_avif_of_which_something_would_become_wrong_is_left(data: bytes, reason: str) -> None:
    with pytest.raises(Keep, match=reason):
        avif.take_apart(data)


@pytest.mark.parametrize(
    "coded",
    [
        saved("avif", subsampling="4:4:4"),
        saved("avif", range="limited"),
        saved("avif", icc_profile=None),
        CODED.replace(FORM, FORM[:6] + bytes((FORM[6] | 0x80,)) + FORM[7:]),
    ],
    ids=["finer colours", "range", "primaries", "tier"],
)
def test_a_picture_of_another_form_never_takes_its_place(coded: bytes) -> None:
    with pytest.raises(Keep, match="another form or other colours"):
        avif.with_picture(avif.take_apart(AVIF), coded)


def test_numbers_that_cannot_follow_leave_it() -> None:
    counted_from_themselves = rearranged(AVIF, base=1 << 40)
    with pytest.raises(Keep, match="counted from a place behind its picture"):
        avif.with_picture(avif.take_apart(counted_from_themselves), CODED)


def test_what_fills_a_picture_up_is_none_of_it() -> None:
    padding, delimiter = b"\x7a\x02\0\x80", b"\x16\0\0"
    source = with_units(padding, delimiter)
    assert avif.with_picture(avif.take_apart(source), CODED) == avif.with_picture(avif.take_apart(AVIF), CODED)  # fmt: skip


@pytest.mark.parametrize("chroma", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("options", [{}, {"range": "limited", "icc_profile": None}])
async def test_an_avif_keeps_its_form(
    tmp_path: Path, job: Make, chroma: str, options: dict[str, Any]
) -> None:
    source = tmp_path / "a.avif"
    source.write_bytes(saved("avif", subsampling=chroma, **options))
    answer = await compress(replace(job(source), tiers=TIERS))
    assert isinstance(answer, Compressed), answer
    assert answer.settings.startswith(f"{chroma} quality=")


@settings(max_examples=60)
@given(
    st.sampled_from(
        [AVIF, rearranged(AVIF, base=40), rearranged(AVIF, within=EXIF), saved("webp")]
    ),
    st.integers(-1400, 1400),
    st.binary(max_size=9),
)
def test_a_mangled_file_is_taken_apart_or_refused(data: bytes, at: int, odd: bytes) -> None:
    at %= len(data)
    still_containers.modern(data[:at] + odd + data[at + len(odd) :])
