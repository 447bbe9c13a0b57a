"""Files of the corpus that are left or refused by their kind or name, and names that are hard to handle."""

from __future__ import annotations

import zipfile
from functools import partial
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.corpus import exif, pictures
from tests.corpus.cases import COMPRESSED, LEFT, UNREADABLE, Case, End, still
from tests.unit.compressor import gain_maps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SMALL: Final = (96, 64)
_TIFF: Final = exif.exif(exif.MAKERS[1], 6, gps=True)[6:]
_KEPT_BY_KIND: Final = "no encoder is set"


def left_by_kind() -> Iterator[Case]:
    """Kinds that no tier touches: decoded, and left."""
    for name, kind, mode, options in (
        ("static.gif", "GIF", "P", {}),
        ("transparent.gif", "GIF", "P", {"transparency": 3}),
        ("one-bit.bmp", "BMP", "1", {}),
        ("grey.bmp", "BMP", "L", {}),
        ("palette.bmp", "BMP", "P", {}),
        ("colour.bmp", "BMP", "RGB", {}),
        ("transparent.bmp", "BMP", "RGBA", {}),
    ):
        yield still(
            "left by kind", name, partial(_saved, kind, mode, **options), LEFT, _KEPT_BY_KIND
        )
    yield still("left by kind", "animated.gif", partial(_animated, "GIF"), LEFT, _KEPT_BY_KIND)


def left_unread() -> Iterator[Case]:
    """Masters: only their first bytes are read."""
    for name, mode, options in (
        ("colour.tif", "RGB", {}),
        ("packed.tiff", "RGB", {"compression": "tiff_lzw"}),
        ("grey-16.tif", "I;16", {}),
        ("cmyk.tif", "CMYK", {}),
        ("big.tif", "RGB", {"big_tiff": True}),
    ):
        yield still(
            "left unread", name, partial(_saved, "TIFF", mode, **options), LEFT, "RAW or TIFF"
        )
    yield still("left unread", "pages.tif", partial(_animated, "TIFF"), LEFT, "RAW or TIFF")
    for name, head in {
        "canon.cr2": b"II*\0\x10\0\0\0CR\2\0",
        "nikon.nef": b"MM\0*\0\0\0\x08",
        "sony.arw": b"II*\0\x08\0\0\0",
        "adobe.dng": b"II*\0\x08\0\0\0",
        "panasonic.rw2": b"IIU\0\x18\0\0\0",
        "olympus.orf": b"IIRO\x08\0\0\0",
        "fujifilm.raf": b"FUJIFILMCCD-RAW 0201",
        "canon.cr3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
        "photoshop.psd": b"8BPS\0\1",
    }.items():
        yield still(
            "left unread",
            name,
            partial(bytes, head + _TIFF[8:] + bytes(5_000)),
            LEFT,
            "RAW or TIFF",
        )


def _saved(kind: str, mode: str, **options: object) -> bytes:
    image = Image.new(mode, _SMALL, 40_000) if mode == "I;16" else pictures.photo(_SMALL, mode)
    return pictures.saved(image, kind, **options)


def _animated(kind: str) -> bytes:
    frames = [pictures.photo(_SMALL, seed=n) for n in range(3)]
    return pictures.saved(frames[0], kind, save_all=True, append_images=frames[1:])


def unknown() -> Iterator[Case]:
    """What no decoder here knows is neither compressed nor called whole."""
    for name, data in {
        "text.jpg": b"not a picture at all",
        "page.jpg": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "paper.pdf": b"%PDF-1.7\n" + bytes(500),
        "icon.ico": b"\0\0\1\0\1\0\x10\x10" + bytes(500),
        "xl.jxl": b"\xff\x0a" + bytes(range(200)),
        "xl-box.jxl": b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a" + bytes(200),
        "two-thousand.jp2": b"\0\0\0\x0cjP  \x0d\x0a\x87\x0a" + bytes(200),
        "portable.ppm": b"P6 2 2 255\n" + bytes(12),
        "record.json": b'{"recordName": "A"}',
        "changes.aae": b"<?xml version='1.0'?><plist/>",
        "sound.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "line.bin": b"\n",
        "bom.txt": b"\xef\xbb\xbf",
        "program.exe": b"MZ" + bytes(500),
    }.items():
        yield still("of no known kind", name, partial(bytes, data), UNREADABLE)
    yield Case("of no known kind", "photos.zip", _zip, UNREADABLE)
    for suffix in ("jpg", "heic", "png", "mov", "mp4", "gif", "dng", "avif"):
        yield still("empty", f"empty.{suffix}", bytes, UNREADABLE, "empty")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", pictures.jpeg())


def misnamed() -> Iterator[Case]:
    """Whole pictures whose names say something else; iCloud has many."""
    made: dict[str, Callable[[], bytes]] = {
        "jpeg": pictures.jpeg,
        "png": lambda: pictures.png(pictures.photo(), 0),
        "heic": pictures.heic,
        "gif": partial(_saved, "GIF", "P"),
        "webp": partial(_saved, "WEBP", "RGB"),
        "avif": partial(_saved, "AVIF", "RGB"),
        "bmp": partial(_saved, "BMP", "RGB"),
        "tiff": partial(_saved, "TIFF", "RGB"),
        "map": lambda: gain_maps.apple(pictures.jpeg()),
    }
    for kind, make in made.items():
        for suffix in (".jpg", ".heic", ".png", ".mov", ""):
            if f"{kind[:3]}" not in {"jpe", "map"} or suffix != ".jpg":
                ends, reason = _by_name(kind, suffix)
                yield still("wrongly named", f"{kind}{suffix}", make, ends, reason)


def _by_name(kind: str, suffix: str) -> tuple[frozenset[End], str]:
    if {"png": ".png", "heic": ".heic"}.get(kind) == suffix:
        return COMPRESSED, ""
    return LEFT, "by its name" if kind not in {"gif", "bmp", "tiff"} else ""


def names() -> Iterator[Case]:
    """Names that shells, ffmpeg and formats take for something else."""
    for name in (
        "-a.jpg", "a b.jpg", "\u00fcmlaut \U0001f600.jpg", "50%d%%.jpg", "a'b\"c.jpg", "a\nb.jpg", ".hidden.jpg", "IMG.JPEG", "a.jpe",
        "file:a.jpg", "a" * 200 + ".jpg", "$(echo).jpg", "*.jpg", "\udcff.jpg",
    ):  # fmt: skip
        yield still("odd names", name, pictures.jpeg)


def cases() -> list[Case]:
    """Return all of them."""
    return [*left_by_kind(), *left_unread(), *unknown(), *misnamed(), *names()]
