"""Files of the corpus that are cut off, damaged, or made to do harm: each may cost itself, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from services.compressor.verdict import Limits
from tests.corpus import exif, jpeg_pictures, pictures
from tests.corpus.cases import ANY, KEPT, UNREADABLE, Case, still
from tests.unit.compressor import gain_maps, hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CUTS: Final = (0.02, 0.3, 0.6, 0.9, 0.995)


def _noted() -> bytes:
    return gain_maps.with_segments(
        pictures.jpeg(subsampling=2),
        gain_maps.segment(0xE1, exif.exif(exif.MAKERS[0], 6, gps=True)),
    )


def _saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    return pictures.saved(pictures.photo((96, 64), mode), kind, **options)


WHOLE: Final[dict[str, Callable[[], bytes]]] = {
    "jpg": _noted,
    "progressive.jpg": partial(pictures.jpeg, progressive=True),
    "map.jpg": lambda: gain_maps.google(_noted()),
    "png": lambda: pictures.png(pictures.photo((200, 301)), 0),
    "passes.png": lambda: pictures.interlaced(pictures.png(pictures.photo(), 0)),
    "heic": partial(pictures.heic, exif=exif.exif(exif.MAKERS[0], 6)),
    "gif": partial(_saved, "GIF", "P"),
    "webp": partial(_saved, "WEBP", quality=90),
    "avif": partial(_saved, "AVIF"),
    "bmp": partial(_saved, "BMP"),
}
"""A whole file of each kind."""


def truncated() -> Iterator[Case]:
    """Every kind cut off at five places: never compressed, and never called whole."""
    for name, made in WHOLE.items():
        for cut in _CUTS:
            ends = KEPT if name == "map.jpg" and cut > 0.9 else UNREADABLE
            yield still("cut off", f"{cut:.1%}-of-a.{name}", partial(_cut, made, cut), ends)
        if name != "map.jpg":
            yield still("cut off", f"last-byte-of-a.{name}", partial(_cut, made, -1), KEPT)


def _cut(made: Callable[[], bytes], part: float) -> bytes:
    data = made()
    return data[: -1 if part < 0 else int(len(data) * part)]


def damaged() -> Iterator[Case]:
    """Every kind with changed bits, in its head and anywhere, and with a hole of zeros."""
    for name, made in WHOLE.items():
        for seed in range(4):
            yield still("damaged", f"{seed}-anywhere.{name}", partial(_flipped, made, seed), ANY)
        yield still("damaged", f"head.{name}", partial(_flipped, made, 9, head=True), ANY)
        ends = KEPT if name == "heic" else ANY
        yield still("damaged", f"hole.{name}", partial(_zeroed, made, 0.4, 0.6), ends)
        yield still("damaged", f"tail.{name}", partial(_zeroed, made, 0.5, 1), KEPT)


def _zeroed(made: Callable[[], bytes], first: float, last: float) -> bytes:
    return pictures.zeroed(made(), first, last)


def _flipped(made: Callable[[], bytes], seed: int, *, head: bool = False) -> bytes:
    data = made()
    if head:
        return pictures.flipped(data[:1500], seed, 6) + data[1500:]
    return pictures.flipped(data, seed, 20, 200)


def harmful() -> Iterator[Case]:
    """Bombs and nonsense, with limits as low as a test can afford."""
    tight = Limits(pixels=2_000_000, memory=1 << 30)
    for name, (made, reason) in hostile.HOSTILE.items():
        yield replace(still("made to harm", name, made, KEPT, reason), limits=tight)
    yield still("made to harm", "400-megapixels.png", _wide_png, KEPT, "400,000,000 pixels")
    yield Case("200 megapixels", "200.jpg", jpeg_pictures.write_large, big=True, ends=ANY)
    yield Case(
        "200 megapixels",
        "260.png",
        partial(_flat, (20_000, 13_000)),
        KEPT,
        "260,000,000 pixels",
        big=True,
    )
    yield Case("200 megapixels", "200.png", partial(_flat, (20_000, 10_000)), ANY, big=True)


def _wide_png() -> bytes:
    return pictures.png(Image.new("1", (20_000, 20_000)), 9)


def _flat(size: tuple[int, int], path: object) -> None:
    Image.new("RGB", size, (9, 80, 200)).save(str(path), "PNG", compress_level=1)


def cases() -> list[Case]:
    """Return all of them."""
    return [*truncated(), *damaged(), *harmful()]
