"""What a HEIC holds that its rendition would lose is seen in the boxes, whatever the decoder says."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from services.compressor.stills import heic
from services.compressor.stills.heic_items import odd_parts
from tests.unit.compressor import samples


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def item(kind: bytes, version: int = 2, number: int = 1) -> bytes:
    told = number.to_bytes(2 if version == 2 else 4)
    return box(b"infe", bytes((version, 0, 0, 0)) + told + bytes(2) + kind + b"\0")


def link(kind: bytes, source: int, *targets: int) -> bytes:
    numbers = (source, len(targets), *targets)
    return box(kind, struct.pack(f">{len(numbers)}H", *numbers))


def file_of(
    *items: bytes, top: bytes = b"", version: int = 0, links: bytes = b"", more: bytes = b""
) -> bytes:
    """A HEIC of these items, of which number 1 is shown; `links` between them, `more` beside them."""
    count = len(items).to_bytes(4 if version else 2)
    iinf = box(b"iinf", bytes((version, 0, 0, 0)) + count + b"".join(items))
    about = box(b"pitm", bytes(4) + b"\0\1") + box(b"iref", bytes(4) + links)
    return (
        box(b"ftyp", b"heic")
        + box(b"meta", bytes(4) + iinf + about + more)
        + top
        + box(b"mdat", b"..")
    )


TILES = (item(b"grid"), item(b"hvc1", number=2), item(b"hvc1", number=3))
LAID = link(b"dimg", 1, 2, 3)
SMALL = (item(b"grid", number=4), item(b"hvc1", number=5))


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (file_of(item(b"hvc1"), item(b"Exif", number=8), item(b"mime", number=9)), None),
        (file_of(*TILES, links=LAID), None),
        (file_of(*TILES, *SMALL, links=LAID + link(b"thmb", 4, 1) + link(b"dimg", 4, 5)), None),
        (file_of(*TILES, links=link(b"dimg", 1, 2)), "one of its further pictures"),
        (file_of(*TILES, *SMALL, links=LAID + link(b"dimg", 4, 5)), "one of its further pictures"),
        (file_of(item(b"hvc1", number=2)), "one of its further pictures"),
        (file_of(item(b"hvc1"), more=box(b"grpl", b"altr")), "its grpl box"),
        (file_of(item(b"hvc1"), more=box(b"free", b"place")), "free space"),
        (file_of(item(b"hvc1"), top=box(b"skip", b"place")), "free space"),
        (file_of(item(b"hvc1"), top=box(b"free", bytes(9)), more=box(b"free", bytes(9))), None),
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


@pytest.mark.parametrize("name", [b"pasp", b"clap", b"udes", b"clli", b"mdcv", b"cmin", b"uuid"])
def test_a_property_that_would_be_lost_is_named(name: bytes) -> None:
    inside = b"".join(box(one, bytes(8)) for one in (b"hvcC", b"ispe", name))
    meta = bytes(4) + box(b"iprp", box(b"ipco", inside) + box(b"ipma", bytes(8)))
    assert f"{name.decode()} property would be lost" in str(odd_parts(box(b"meta", meta)))


@pytest.mark.parametrize(
    ("width", "height", "cut"), [(65, 67, False), (66, 68, False), (64, 68, True), (66, 66, True)]
)
def test_a_crop_that_takes_more_than_an_encoders_padding_is_seen(
    width: int, height: int, cut: bool
) -> None:
    ispe = box(b"ispe", struct.pack(">III", 0, 66, 68))
    clap = box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))
    meta = bytes(4) + box(b"iprp", box(b"ipco", ispe + clap))
    assert (odd_parts(box(b"meta", meta)) is not None) is cut


@given(st.binary(max_size=200))
def test_any_boxes_are_listed_without_an_accident(data: bytes) -> None:
    odd_parts(box(b"meta", bytes(4) + box(b"iinf", data)))
    odd_parts(data)


names = st.sampled_from(
    [
        b"meta",
        b"iinf",
        b"infe",
        b"iprp",
        b"ipco",
        b"ipma",
        b"pitm",
        b"hvc1",
        b"grid",
        b"irot",
        b"mdat",
    ]
)
trees = st.recursive(
    st.binary(max_size=30),
    lambda inside: st.lists(st.tuples(names, st.binary(max_size=8), inside), max_size=4).map(
        lambda found: b"".join(box(name, head + body) for name, head, body in found)
    ),
    max_leaves=10,
)


@given(trees)
def test_any_tree_of_boxes_is_listed_without_an_accident(tree: bytes) -> None:
    odd_parts(tree)
    odd_parts(box(b"meta", bytes(4) + tree))
    odd_parts(box(b"meta", bytes(4) + box(b"iprp", tree)))


def test_a_plain_heic_has_nothing_odd(tmp_path: Path) -> None:
    heic.register()
    out = io.BytesIO()
    samples.picture().save(
        out, "HEIF", quality=60, exif=samples.exif(), xmp=b"<x/>", icc_profile=samples.icc()
    )
    assert odd_parts(out.getvalue()) is None
