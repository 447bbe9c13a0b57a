"""The HEICs of the corpus: every way up, and all that such a file may hold besides its picture."""

from __future__ import annotations

import io
import struct
from functools import partial
from typing import TYPE_CHECKING, Final

import pillow_heif

from tests.corpus import exif, pictures
from tests.corpus.cases import COMPRESSED, KEPT, LEFT, WHOLE, Case, still
from tests.corpus.pictures import box
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

_APPLE: Final = exif.MAKERS[0]
_XMP: Final = b"<x:xmpmeta xmp:Rating='5'/>"
_PROPERTIES: Final = {
    "pixels-not-square": box(b"pasp", struct.pack(">II", 2, 1)),
    "cropped": box(b"clap", struct.pack(">8I", 200, 1, 100, 1, 0, 1, 0, 1)),
    "described": box(b"udes", bytes(4) + b"en\0A lake\0At noon\0lake,noon\0"),
    "light-level": box(b"clli", struct.pack(">HH", 1000, 400)),
    "mastering-display": box(b"mdcv", bytes(24)),
    "camera": box(b"cmin", bytes(4 + 12)),
    "private": box(b"uuid", bytes(range(32))),
}


def forms() -> Iterator[Case]:
    """Sizes, colours, depths and ways up."""
    group = "HEIC by form"
    for turn in range(1, 9):
        yield still(group, f"turn-{turn}.heic", partial(_turned, turn))
    for size in ((64, 64), (65, 67), (128, 96), (333, 101), (97, 401), (700, 500), (1200, 900)):
        ends = (
            COMPRESSED if min(size) > 200 else WHOLE
        )  # where there are few pixels, the score decides
        yield still(group, f"{size[0]}x{size[1]}.heic", partial(_of_size, size), ends)
    for quality in (30, 60, 90, -1):
        yield still(
            group, f"quality-{quality}.heif", partial(pictures.heic, quality=quality), WHOLE
        )
    for chroma in ("4:4:4", "4:2:2"):
        yield still(
            group,
            f"{chroma.replace(':', '')}.heic",
            partial(pictures.heic, subsampling=chroma),
            LEFT,
            "chroma",
        )
    yield still(
        group,
        "tiles.heic",
        lambda: pictures.heic(pictures.photo((1100, 700)), tile_size=512),
        WHOLE,
    )
    yield still(group, "grey.heic", partial(_of_mode, "L"), WHOLE)
    yield still(group, "transparent.heic", partial(_of_mode, "RGBA"), LEFT)
    yield still(group, "tiny.heic", partial(_of_size, (8, 8)), LEFT)
    yield still(group, "10-bits.heic", partial(_deep, 10), LEFT, "bits")
    yield still(group, "12-bits.heic", partial(_deep, 12), LEFT, "bits")
    yield still(
        group,
        "pq.heic",
        partial(pictures.heic, transfer_characteristics=16, color_primaries=9),
        LEFT,
        "HDR",
    )
    yield still(
        group,
        "hlg.heic",
        partial(pictures.heic, transfer_characteristics=18, color_primaries=9),
        LEFT,
        "HDR",
    )
    yield still(group, "p3.heic", partial(pictures.heic, color_primaries=12), WHOLE)


def _turned(turn: int) -> bytes:
    return pictures.heic(exif=exif.exif(_APPLE, turn, gps=True), xmp=_XMP)


def _of_size(size: tuple[int, int]) -> bytes:
    return pictures.heic(pictures.photo(size), exif=exif.exif(_APPLE, 1))


def _of_mode(mode: str) -> bytes:
    return pictures.heic(pictures.photo(mode=mode))


def _deep(bits: int) -> bytes:
    image = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(range(256)) * 96)
    out = io.BytesIO()
    before, pillow_heif.options.SAVE_HDR_TO_12_BIT = (
        pillow_heif.options.SAVE_HDR_TO_12_BIT,
        bits == 12,
    )
    try:
        image.save(out, quality=90)
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = before
    return out.getvalue()


def metadata() -> Iterator[Case]:
    """EXIF, XMP and profiles; and what a rendition would lose, item, property and box."""
    group = "HEIC by metadata"
    for n, maker in enumerate(exif.MAKERS[:12]):
        yield still(
            group, f"maker-{n:02}.heic", partial(pictures.heic, exif=exif.exif(maker, 1, gps=True))
        )
    for name, kept in {
        "nothing": {},
        "xmp": {"xmp": _XMP},
        "icc": {"icc_profile": samples.icc()},
        "icc-wide": {"icc_profile": pictures.icc("wide")},
        "all": {"exif": exif.exif(_APPLE, 1), "xmp": _XMP, "icc_profile": samples.icc()},
        "xmp-with-turn": {
            "xmp": b'<x:xmpmeta tiff:Orientation="6"/>',
            "exif": exif.exif(_APPLE, 6),
        },
    }.items():
        yield still(group, f"{name}.heic", partial(pictures.heic, **kept))  # type: ignore[arg-type]
    yield still(
        group,
        "exif-broken.heic",
        partial(pictures.heic, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        WHOLE,
    )
    for name, property_ in _PROPERTIES.items():
        yield still(group, f"{name}.heic", partial(_with_property, property_), LEFT)
    yield still(group, "thumbnail.heic", partial(pictures.heic, thumbnails=[64]), WHOLE)
    yield still(group, "pictures.heic", _several, LEFT, "pictures")
    yield still(group, "motion-photo.heic", partial(_behind, box(b"mpvd", b"film")), LEFT, "motion")
    yield still(group, "private-box.heic", partial(_behind, box(b"uuid", bytes(40))), LEFT, "uuid")
    yield still(group, "sequence.heic", partial(_behind, box(b"moov", bytes(40))), KEPT)
    yield still(
        group,
        "apples-map.heic",
        partial(pictures.heic, xmp=b"urn:com:apple:photo:2020:aux:hdrgainmap"),
        LEFT,
        "gain map",
    )
    yield still(group, "free-room.heic", partial(_behind, box(b"free", bytes(1000))))


def _behind(more: bytes) -> bytes:
    return pictures.heic(exif=exif.exif(_APPLE, 1)) + more


def _several() -> bytes:
    file = pillow_heif.HeifFile()  # type: ignore[no-untyped-call,unused-ignore]
    for n in range(3):
        file.add_from_pillow(pictures.photo(seed=n))
    out = io.BytesIO()
    file.save(out, quality=90)
    return out.getvalue()


def _with_property(property_: bytes) -> bytes:
    """A HEIC as libheif writes it, whose picture has one property more."""
    data = pictures.heic(exif=exif.exif(_APPLE, 1))
    ipco, ipma = data.index(b"ipco") - 4, data.index(b"ipma") - 4
    count = len(list(_children(data[ipco + 8 : ipma])))
    made = bytearray(data)
    first = ipma + 16  # box, version, number of entries; then item, number, associations
    made[first + 2] += 1
    end = first + 3 + data[first + 2]
    made[end:end] = bytes((count + 1,))
    made[ipma:ipma] = property_
    grown = len(property_) + 1
    for name, more in ((b"ipco", len(property_)), (b"ipma", 1), (b"iprp", grown), (b"meta", grown)):
        at = made.index(name) - 4
        made[at : at + 4] = (int.from_bytes(made[at : at + 4]) + more).to_bytes(4)
    _move_items(made, grown)
    return bytes(made)


def with_child(child: bytes) -> bytes:
    """A HEIC as libheif writes it, with one box more beside its lists of items and properties."""
    made = bytearray(pictures.heic(exif=exif.exif(_APPLE, 1)))
    at = made.index(b"meta") - 4
    size = int.from_bytes(made[at : at + 4])
    made[at + size : at + size] = child
    made[at : at + 4] = (size + len(child)).to_bytes(4)
    _move_items(made, len(child))
    return bytes(made)


def hidden() -> bytes:
    """Two pictures, of which the second is not to be shown: no decoder hands it out."""
    data = bytearray(_several())
    at = data.index(b"infe", data.index(b"infe") + 1)
    data[at + 7] |= 1
    third = data.index(b"infe", at + 1)
    data[third + 7] |= 1
    return bytes(data)


def _children(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at : at + size]
        at += size


def _move_items(made: bytearray, by: int) -> None:
    """Add to every item's place in the file; libheif writes version 0, one extent an item, four bytes a number."""
    at = made.index(b"iloc") + 4
    assert made[at : at + 6] == b"\0\0\0\0\x44\x40"
    for n in range(int.from_bytes(made[at + 6 : at + 8])):
        place = at + 8 + 18 * n + 4
        made[place : place + 4] = (int.from_bytes(made[place : place + 4]) + by).to_bytes(4)


def cases() -> list[Case]:
    """Return all HEICs."""
    return [*forms(), *metadata()]
