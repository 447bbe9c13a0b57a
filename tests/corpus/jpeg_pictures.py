"""The JPEGs of the corpus that hold further pictures: gain maps, thumbnails, views; and a very large one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from services.compressor.stills import jpeg as parts
from tests.corpus import exif, made, pictures
from tests.corpus.cases import LEFT, Case, still
from tests.unit.compressor import gain_maps
from tests.unit.compressor.gain_maps import segment, with_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def further_pictures() -> Iterator[Case]:
    """Gain maps as Apple and Google keep them, thumbnails, views of equal rank, and indexes that lie."""
    group = "JPEG with further pictures"
    for maker in (gain_maps.apple, gain_maps.google):
        for order in "<>":
            for turn in (1, 6):
                name = f"{maker.__name__}-{'little' if order == '<' else 'big'}-turn-{turn}.jpg"
                yield still(group, name, partial(_mapped, maker, turn, order))
    yield still(group, "google-with-length.jpg", _google_with_length)
    yield still(
        group,
        "google-wrong-length.jpg",
        partial(_indexed, gain_maps.google, primary=' Item:Length="77"'),
        LEFT,
        "length",
    )
    yield still(group, "by-directory-alone.jpg", _by_directory)
    yield still(
        group, "map-by-jpegli.jpg", partial(_several, [partial(pictures.jpegli, 80, (96, 72))])
    )
    yield still(group, "padded.jpg", lambda: gain_maps.apple(made.noted(1) + bytes(37)))
    yield still(group, "gap.jpg", partial(_several, [made.small, made.small], gap=bytes(11)))
    yield still(
        group, "three-maps.jpg", partial(_several, [made.small, made.small, gain_maps.gain_map])
    )
    yield still(
        group, "thumbnail-vga.jpg", partial(_several, [made.small], kind=gain_maps.THUMBNAIL)
    )
    yield still(group, "thumbnail-hd.jpg", partial(_several, [made.small], kind=0x00010002))
    yield still(
        group, "map-and-trailer.jpg", lambda: gain_maps.apple(made.noted(6)) + b"SEFT trailer"
    )
    for name, kind in {
        "stereo": gain_maps.STEREO,
        "panorama": 0x00020001,
        "angles": 0x00020003,
    }.items():
        yield still(
            group,
            f"{name}.jpg",
            partial(_several, [made.small], kind=kind),
            LEFT,
            "several pictures",
        )
    yield still(group, "stereo.mpo", partial(_several, [made.small], kind=gain_maps.STEREO), LEFT)
    yield still(
        group, "no-index.jpg", lambda: made.noted(1) + gain_maps.gain_map(), LEFT, "no index names"
    )
    yield still(group, "index-too-long.jpg", partial(_miscounted, 3))
    yield still(group, "index-too-short.jpg", partial(_miscounted, 1))
    yield still(
        group,
        "index-cut-off.jpg",
        partial(made.carrying, [segment(0xE2, b"MPF\0II*\0")]),
        LEFT,
        "MPF",
    )
    yield still(
        group,
        "index-of-nothing.jpg",
        partial(made.carrying, [segment(0xE2, b"MPF\0")]),
        LEFT,
        "MPF",
    )
    yield still(
        group,
        "indexes.jpg",
        lambda: gain_maps.apple(gain_maps.apple(made.noted(1))),
        LEFT,
        "several indexes",
    )
    yield still(
        group,
        "names-no-picture.jpg",
        partial(_several, [lambda: b"no picture"]),
        LEFT,
        "no picture",
    )
    yield still(
        group, "map-cut-off.jpg", lambda: gain_maps.apple(made.noted(1))[:-100], LEFT, "outside"
    )


def _mapped(maker: Callable[[bytes, str], bytes], turn: int, order: str) -> bytes:
    return maker(made.noted(turn), order)


def _indexed(maker: Callable[..., bytes], **options: str) -> bytes:
    return maker(made.noted(1), **options)


def _several(shown: list[Callable[[], bytes]], **options: Any) -> bytes:
    return gain_maps.with_index(made.noted(1), [made() for made in shown], **options)


def _google_with_length() -> bytes:
    rough = gain_maps.google(made.noted(1), primary=' Item:Length="10000"')
    length = parts.take_apart(rough).end
    return rough.replace(b'"10000"', b'"%05d"' % length)


def _by_directory() -> bytes:
    picture = gain_maps.gain_map()
    xmp = gain_maps.XMP + gain_maps.directory(("GainMap", len(picture)))
    return with_segments(made.noted(1), segment(0xE1, xmp)) + picture


def _miscounted(number: int) -> bytes:
    """An index that claims another number of pictures than it lists."""
    data = gain_maps.apple(made.noted(1), "<")
    at = data.index(b"\x01\xb0\x04\0\1\0\0\0") + 8
    return data[:at] + number.to_bytes(4, "little") + data[at + 4 :]


def cases() -> list[Case]:
    """Return all of them."""
    return list(further_pictures())


LARGE: Final = (16_320, 12_240)
"""About 200 megapixels, as the largest sensors of telephones have."""


def write_large(path: object, size: tuple[int, int] = LARGE) -> None:
    """Write a JPEG of so many pixels: one picture over and over, as a whole one would take minutes to draw."""
    tile = pictures.photo((1020, 1020))
    image = Image.new("RGB", size)
    for x in range(0, size[0], tile.width):
        for y in range(0, size[1], tile.height):
            image.paste(tile, (x, y))
    image.save(str(path), "JPEG", quality=93, exif=exif.exif(exif.MAKERS[0], 6))
