"""The PNGs of the corpus: every colour type and depth, both ways of storing rows, and every chunk that a program may write."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING, Final

from PIL import Image, PngImagePlugin

from tests.corpus import exif, pictures
from tests.corpus.cases import COMPRESSED, LEFT, UNREADABLE, WHOLE, Case, still
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

_XMP: Final = b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmp:Rating='5'/>"
_MODES: Final = ("1", "L", "LA", "P", "RGB", "RGBA")
_CHUNKS: Final = {
    "exif": [(b"eXIf", exif.exif(exif.MAKERS[1], 6)[6:])],
    "xmp": [(b"iTXt", _XMP)],
    "texts": [(b"tEXt", b"Title\0A lake"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"deep " * 500)), (b"iTXt", b"Author\0\0\0de\0Autor\0J\xc3\xbcrgen")],
    "several-texts-of-one-name": [(b"tEXt", b"Comment\0one"), (b"tEXt", b"Comment\0two")],
    "colours-declared": [(b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000))],
    "srgb": [(b"sRGB", b"\0")],
    "cicp": [(b"cICP", bytes((12, 13, 0, 1)))],
    "hdr": [(b"cICP", bytes((9, 16, 0, 1))), (b"mDCV", bytes(24)), (b"cLLI", bytes(8))],
    "size-in-metres": [(b"pHYs", struct.pack(">IIB", 3_780, 3_780, 1))],
    "significant-bits": [(b"sBIT", b"\5\6\5")],
    "background": [(b"bKGD", struct.pack(">3H", 1, 2, 3))],
    "suggested-palette": [(b"sPLT", b"few\0\x08" + bytes(6 * 5))],
    "place-and-scale": [(b"oFFs", bytes(9)), (b"sCAL", b"\x011.5\x002.5")],
    "private": [(b"prVt", bytes(range(256))), (b"vpAg", bytes(9))],
    "icc": [(b"iCCP", b"ICC\0\0" + zlib.compress(samples.icc()))],
    "icc-broken": [(b"iCCP", b"ICC\0\0" + zlib.compress(b"no profile"))],
    "apple-screenshot": [(b"eXIf", exif.exif(exif.MAKERS[0], 1)[6:]), (b"iTXt", _XMP), (b"pHYs", bytes(9))],
}  # fmt: skip


def forms() -> Iterator[Case]:
    """Colour types and depths, in rows and in seven passes."""
    group = "PNG by form"
    for mode in _MODES:
        yield still(group, f"{mode}.png", partial(_of, mode))
        ends = WHOLE if mode == "1" else COMPRESSED
        yield still(group, f"{mode}-interlaced.png", partial(_interlaced, mode), ends)
    for bits in (1, 2, 4):
        yield still(group, f"palette-{bits}.png", partial(_palette, bits))
    for mode in ("I;16", "RGB", "RGBA"):
        yield Case(
            group, f"16-bits-{mode.replace(';', '')}.png", partial(samples.deep_png, mode=mode)
        )
    yield Case(
        group, "16-bits-LA.png", partial(samples.deep_png, mode="LA"), LEFT, "grey and alpha"
    )
    yield still(
        group,
        "transparent-colour.png",
        lambda: pictures.png(pictures.photo(), 0, transparency=(9, 9, 9)),
    )
    yield still(
        group,
        "transparent-palette.png",
        lambda: pictures.png(_quantized(256), 0, transparency=bytes(range(256))),
    )
    yield still(group, "plot.png", lambda: pictures.png(Image.linear_gradient("L").convert("P"), 0))
    yield still(
        group, "one-pixel.png", lambda: pictures.png(Image.new("RGB", (1, 1)), 0), LEFT, "smaller"
    )
    yield still(group, "thin.png", lambda: pictures.png(pictures.photo((3, 900)), 0))
    yield still(group, "many-pieces.png", _in_pieces)
    yield still(
        group, "packed-well.png", lambda: pictures.png(pictures.photo(), 9, optimize=True), WHOLE
    )
    yield still(group, "large.png", lambda: pictures.png(pictures.photo((1300, 1000)), 0))
    yield still(
        group, "flat.png", lambda: pictures.png(Image.new("RGBA", (800, 600), (9, 80, 200, 128)), 0)
    )


def _of(mode: str) -> bytes:
    return pictures.png(pictures.photo(mode=mode), 0)


def _interlaced(mode: str) -> bytes:
    return pictures.interlaced(_of(mode))


def _quantized(colours: int) -> Image.Image:
    return pictures.photo((200, 301)).quantize(colours)


def _palette(bits: int) -> bytes:
    return pictures.png(_quantized(1 << bits), 0, bits=bits)


def _in_pieces() -> bytes:
    """As a camera or a server writes one: the pixels in chunks of a hundred bytes."""
    data = _of("RGB")
    at, end = data.index(b"IDAT") - 4, len(data) - 12
    body, place = b"", at
    while place < end:
        size = int.from_bytes(data[place : place + 4])
        body += data[place + 8 : place + 8 + size]
        place += 12 + size
    pieces = [(b"IDAT", body[n : n + 100]) for n in range(0, len(body), 100)]
    return pictures.with_chunks(data[:at] + data[end:], *pieces, behind=True)


def metadata() -> Iterator[Case]:
    """Every chunk before the pixels, some behind them, and what ends the file."""
    group = "PNG by metadata"
    for name, chunks in _CHUNKS.items():
        yield still(group, f"{name}.png", partial(_with, chunks))
    for turn in range(1, 9):
        yield still(
            group,
            f"turn-{turn}.png",
            partial(_with, [(b"eXIf", exif.exif(exif.MAKERS[1], turn)[6:])]),
        )
    yield still(
        group,
        "behind-the-pixels.png",
        partial(_with, [(b"tEXt", b"Late\0yes"), (b"tIME", bytes(7))], behind=True),
    )
    yield still(group, "trailer.png", lambda: _of("RGB") + b"written behind the end")
    yield still(group, "text-of-pillow.png", _written_text)
    yield still(group, "animated.png", partial(_animated, "PNG"), LEFT, "pictures")
    yield still(
        group,
        "animated-of-one.png",
        partial(
            _with,
            [
                (b"acTL", struct.pack(">II", 1, 0)),
                (b"fcTL", struct.pack(">IIIIIHHBB", 0, 200, 301, 0, 0, 1, 10, 0, 0)),
            ],
        ),
        LEFT,
    )
    yield still(
        group, "signed.png", partial(_with, [(b"caBX", b"jumb" + bytes(300))]), LEFT, "signature"
    )
    yield still(group, "no-such-order.png", _interrupted, UNREADABLE)


def _with(chunks: list[tuple[bytes, bytes]], *, behind: bool = False) -> bytes:
    return pictures.with_chunks(pictures.png(pictures.photo((200, 301)), 0), *chunks, behind=behind)


def _written_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Description", "Ein See, 湖", "de", "Beschreibung")
    text.add_text("Software", "a plotter", zip=True)
    return pictures.png(
        pictures.photo(), 0, pnginfo=text, icc_profile=samples.icc(), dpi=(300, 300)
    )


def _animated(kind: str) -> bytes:
    frames = [pictures.photo((64, 48), seed=n) for n in range(3)]
    return pictures.saved(frames[0], kind, save_all=True, append_images=frames[1:])


def _interrupted() -> bytes:
    data = _in_pieces()
    at = data.index(b"IDAT", data.index(b"IDAT") + 10) - 4
    hurt = pictures.with_chunks(data[:at] + bytes(12), (b"tEXt", b"Between\0yes"), behind=True)
    return hurt[:-12] + data[at:]


def cases() -> list[Case]:
    """Return all PNGs."""
    return [*forms(), *metadata()]
