"""Measures what other forms than jpegli's 4:2:0 cost or save for the same look: JPEGs with finer colours, WebP and AVIF; it writes nothing.

Pictures are drawn, and those of a folder are taken at half their size, so that their colours are as fine as their light.
"""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from PIL import Image

from benchmarks.compressor.peer_search import Try, size_at
from benchmarks.compressor.peers import of_kinds
from benchmarks.compressor.stills import images
from benchmarks.shared.page import table
from services.compressor.stills import avif, encoders, jpeg
from services.compressor.stills.score import score
from services.compressor.tiers.policy import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_DRAWN, _SIZE = 2, (900, 600)
_QUICK, _QUICK_SIZE = 1, (160, 120)
_LARGEST = (900, 900)  # pixels a side of a folder's pictures
_SCORES, _QUICK_SCORES = (66, 72, 80), (70,)
_WORST, _BEST = 20, 98
_BASE = "jpegli 4:2:0"
_SUBSAMPLINGS: Final = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
_AGAIN: Final = (("WEBP", 90, (75, 85)), ("AVIF", 80, (60, 70)))
"""A form, the quality that it comes in, and those that it is stored anew with."""


def _jpeg(wanted: str, chroma: str, image: Image.Image) -> Callable[[int], bytes]:
    """Return the product's own encoder for a JPEG whose colours are stored like that."""
    out = io.BytesIO()
    image.save(out, "JPEG", subsampling=_SUBSAMPLINGS[chroma])
    return encoders.for_jpeg(image, jpeg.take_apart(out.getvalue()), wanted).encode


def _webp(image: Image.Image) -> Callable[[int], bytes]:
    return partial(encoders.webp, image)


def _avif(image: Image.Image) -> Callable[[int], bytes]:
    form = avif.take_apart(_saved(image, "AVIF", 80))
    return lambda quality: encoders.avif(image, quality, form)


WAYS: Final[dict[str, Callable[[Image.Image], Callable[[int], bytes]]]] = {
    _BASE: partial(_jpeg, "jpegli", "4:2:0"),
    "Pillow 4:2:0": partial(_jpeg, "pillow", "4:2:0"),
    "Pillow 4:2:2": partial(_jpeg, "pillow", "4:2:2"),
    "Pillow 4:4:4": partial(_jpeg, "pillow", "4:4:4"),
    "WebP": _webp,
    "AVIF 4:2:0": _avif,
}
"""Each form, and what gives the product's encoder for a picture: quality to bytes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One way on one picture: bytes at each wanted score (None: not reached), and CPU seconds a megapixel of an encode."""

    sizes: tuple[float | None, ...]
    seconds: float


def measure(quick: bool, folder: Path | None = None) -> str:
    """Return the two tables."""
    number, size = (_QUICK, _QUICK_SIZE) if quick else (_DRAWN, _SIZE)
    scores = _QUICK_SCORES if quick else _SCORES
    shown = [
        *map(_soft, images(number, size)),
        *_halved(of_kinds(folder, Kind.JPEG) if folder else ()),
    ]
    lines = {name: [_line(way, one, scores) for one in shown] for name, way in WAYS.items()}
    pixels = [one.width * one.height / 1e6 for one in shown]
    told = f"{number} drawn pictures and {len(shown) - number} of a folder at half their size, {min(pixels):.2f} to {max(pixels):.2f} megapixels."
    again = table(
        ("form", "came in", "stored anew with", "size, of its bytes", "score"),
        [row for form, came, anew in _AGAIN for row in _stored_anew(shown, form, came, anew)],
    )
    return f"{told} Bytes at the same score, as parts of jpegli's; medians (least to most).\n\n{_sizes(lines, scores)}\n\nWebP and AVIF stored anew as their own form:\n\n{again}"


def _soft(image: Image.Image) -> Image.Image:
    """Take a drawn picture's bands for light and soft colours, as photos have them."""
    colour, slope, light = image.split()
    plain = Image.new("L", image.size, 128)
    halves = (Image.blend(plain, one, 0.4) for one in (slope, colour))
    return Image.merge("YCbCr", (light, *halves)).convert("RGB")


def _halved(paths: Sequence[Path]) -> Iterator[Image.Image]:
    for path in paths:
        with Image.open(path) as image:
            if image.mode == "RGB" and min(image.size) >= 256:
                half = image.reduce(2)
                half.thumbnail(_LARGEST, Image.Resampling.BOX)
                half.info = {}
                yield half


def _line(
    way: Callable[[Image.Image], Callable[[int], bytes]], image: Image.Image, scores: Sequence[int]
) -> Line:
    encode = way(image)
    tried: dict[int, Try] = {}
    spent = 0.0

    def attempt(quality: int) -> Try:
        nonlocal spent
        if quality not in tried:
            began = time.process_time()
            made = encode(quality)
            spent += time.process_time() - began
            tried[quality] = Try(len(made), score(image, _opened(made)).value)
        return tried[quality]

    sizes = tuple(size_at(wanted, attempt, {}, _WORST, _BEST) for wanted in scores)
    return Line(sizes, spent / len(tried) / (image.width * image.height / 1e6))


def _opened(made: bytes) -> Image.Image:
    with Image.open(io.BytesIO(made)) as image:
        image.load()
        return image


def _sizes(lines: dict[str, list[Line]], scores: Sequence[int]) -> str:
    head = ("form", *(f"at score {one}" for one in scores), "CPU s a megapixel")
    rows = []
    for name, found in lines.items():
        pairs = list(zip(found, lines[_BASE], strict=True))
        cells = [_parts([(one.sizes[n], base.sizes[n]) for one, base in pairs]) for n in range(len(scores))]  # fmt: skip
        rows.append((name, *cells, f"{statistics.median(one.seconds for one in found):.2f}"))
    return table(head, rows)


def _parts(sizes: Sequence[tuple[float | None, float | None]]) -> str:
    found = [one / base for one, base in sizes if one and base]
    if not found:
        return "never reached"
    missed = f", {len(found)} of {len(sizes)}" * (len(found) < len(sizes))
    return f"{_spread(found)}{missed}"


def _spread(found: Sequence[float], form: str = ".2f") -> str:
    return f"**{statistics.median(found):{form}}** ({min(found):{form}} to {max(found):{form}})"


def _stored_anew(
    shown: Sequence[Image.Image], form: str, came: int, anew: Sequence[int]
) -> Iterator[tuple[str, ...]]:
    sources = [_saved(one, form, came) for one in shown]
    for quality in anew:
        made = [_anew(source, form, quality) for source in sources]
        sizes = [len(one) / len(source) for one, source in zip(made, sources, strict=True)]
        looks = [score(_opened(source), _opened(one)).value for one, source in zip(made, sources, strict=True)]  # fmt: skip
        yield form, f"quality {came}", f"quality {quality}", _spread(sizes), _spread(looks, ".1f")


def _anew(source: bytes, form: str, quality: int) -> bytes:
    image = _opened(source)
    if form == "WEBP":
        return encoders.webp(image, quality)
    return encoders.avif(image, quality, avif.take_apart(source))


def _saved(image: Image.Image, form: str, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, form, quality=quality)
    return out.getvalue()
