"""Encodes pixels as JPEG, WebP, AVIF or PNG; each gives bytes and the words for what was done, and drops metadata without asking.

One thread each: several files side by side use the cores better. jpegli takes RGB only and always writes 4:2:0, so
a picture with finer colours goes to Pillow, as everything does where jpegli is missing. What either made is then stored anew
by mozjpeg without changing a coefficient: progressive, with tables and scans of its own, 8 to 9 % smaller than jpegli leaves it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import oxipng
from mozjpeg_lossless_optimization import optimize
from PIL import Image, ImageCms, __version__ as pillow_version, features

from services.compressor.stills.jpeg import sampling
from services.compressor.stills.jpegli import JPEGLI
from services.compressor.verdict import Broken

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.compressor.stills.avif import Avif
    from services.compressor.stills.jpeg import Segments

_JPEGLI = "jpegli"
_STORED = "progressive by mozjpeg"
_Sampling = tuple[tuple[int, int], ...]
_HALF: _Sampling = ((2, 1), (1, 1), (1, 1))
_QUARTER: _Sampling = ((2, 2), (1, 1), (1, 1))
_CHROMA = {_HALF: ("4:2:2", 1), _QUARTER: ("4:2:0", 2)}
_FULL = ("4:4:4", 0)  # for any other sampling: finer than all of them


@dataclass(frozen=True, slots=True)
class Encoder:
    """What encodes, the words for its fixed settings, and the call: quality (1 to 95) to bytes."""

    name: str
    note: str
    encode: Callable[[int], bytes]


def for_jpeg(image: Image.Image, source: Segments, wanted: str) -> Encoder:
    """Return the wanted encoder (`jpegli`, `pillow`) or the next best; colours are never stored coarser than in `source`."""
    chroma, number = _CHROMA.get(sampling(source), _FULL)
    if wanted == _JPEGLI and JPEGLI is not None and image.mode == "RGB" and number == 2:
        name = f"jpegli (pyjpegli {version('pyjpegli')})"
        return Encoder(name, f"{chroma} {_STORED}", lambda quality: _by_jpegli(image, quality))
    note = f"{chroma if image.mode == 'RGB' else 'grey'} {_STORED}"
    return Encoder(
        f"Pillow {pillow_version}", note, lambda quality: _by_pillow(image, quality, number)
    )


def _by_jpegli(image: Image.Image, quality: int) -> bytes:
    return bytes(optimize(JPEGLI.encode(image.tobytes(), *image.size, quality=quality)))


def _by_pillow(image: Image.Image, quality: int, subsampling: int) -> bytes:
    out = io.BytesIO()
    pixels = image.copy()
    pixels.info = {}
    pixels.save(out, "JPEG", quality=quality, subsampling=subsampling)
    return bytes(optimize(out.getvalue()))


WEBP_NAME = f"libwebp {features.version('webp')}"
AVIF_NAME = f"libavif {features.version('avif')} aom"
_METHOD = 6  # of libwebp, the slowest: smaller files for 0.3 s a megapixel
_SPEED = 6  # of aom, 0 to 10


def webp(image: Image.Image, quality: int) -> bytes:
    """Return an RGB picture as WebP, 4:2:0 as all of them are, without any metadata."""
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=_METHOD, exif=b"", xmp=b"", icc_profile=b"")
    return out.getvalue()


def avif(image: Image.Image, quality: int, form: Avif) -> bytes:
    """Return an RGB picture as AVIF in the form of another one, without its metadata; given a profile, primaries are left unsaid."""
    out = io.BytesIO()
    image.save(
        out,
        "AVIF",
        quality=quality,
        speed=_SPEED,
        max_threads=1,
        codec="aom",
        subsampling=form.chroma,
        range="limited" if form.is_limited else "full",
        icc_profile=b"" if form.says_primaries else _ANY_PROFILE,
    )
    return out.getvalue()


_ANY_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PNG_NAME = f"oxipng (pyoxipng {version('pyoxipng')})"


def pack_png(data: bytes, level: int) -> bytes:
    """Return `data` with its pixels packed anew in the same form: no depth, palette or colour type is changed."""
    try:
        made: bytes = oxipng.optimize_from_memory(
            data,
            level=level,
            interlace=None,
            optimize_alpha=False,
            bit_depth_reduction=False,
            color_type_reduction=False,
            palette_reduction=False,
            grayscale_reduction=False,
            strip=oxipng.StripChunks.none(),
        )
    except oxipng.PngError as error:
        raise Broken(f"the PNG cannot be decoded: {error}") from error
    return made
