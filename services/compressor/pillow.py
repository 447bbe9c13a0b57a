"""Decodes every still completely, and makes smaller JPEGs, HEICs and PNGs by Pillow; never changes the source.

Imported in the worker process only: Pillow and libheif read hostile bytes and cost 40 MB.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFile, __version__ as pillow_version

from services.compressor import carry, heic, jpeg, png
from services.compressor.policy import Encode, Kind, Leave
from services.compressor.verdict import Broken, Keep, Made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.compressor.verdict import Limits

Image.MAX_IMAGE_PIXELS = (
    None  # Limits.pixels is asked before anything is decoded, and refuses with a reason
)
ImageFile.LOAD_TRUNCATED_IMAGES = False

_FORMATS = {  # nothing else of what Pillow can open gets at the bytes
    Kind.JPEG: ("JPEG", "MPO"),
    Kind.HEIC: ("HEIF",),
    Kind.PNG: ("PNG",),
    Kind.AVIF: ("AVIF",),
    Kind.WEBP: ("WEBP",),
    Kind.GIF: ("GIF",),
    Kind.BMP: ("BMP",),
}
_COMPARED = ("exif", "icc_profile", "xmp")
_HURT = (
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def still(source: Path, temp: Path, kind: Kind, order: Encode | Leave, limits: Limits) -> Made:
    """Decode `source` completely, then make what `order` says at `temp`; sizes in pixels as stored.

    Raises Keep, Broken, and OSError with an errno when the disk, not the picture, is at fault.
    """
    data = source.read_bytes()
    if kind is Kind.JPEG and (rare := jpeg.unusual(jpeg.take_apart(data))):
        raise Keep(rare, readable=None)
    image = _decoded(data, limits, kind)
    if isinstance(order, Leave):
        raise Keep(order.reason)
    if getattr(image, "n_frames", 1) > 1 and kind is not Kind.JPEG:
        raise Keep(f"it holds {getattr(image, 'n_frames', 1)} pictures")
    match kind:
        case Kind.JPEG:
            made, settings = _jpeg(data, image, order.quality or 0)
        case Kind.HEIC:
            made, settings = heic.encode(data, image, order.quality or 0)
        case Kind.PNG:
            made, settings = _png(data, image)
        case _:
            raise Keep(f"no encoder is set for {kind}")
    _compare(image, _decoded_again(made, limits, kind), lossless=kind is Kind.PNG)
    temp.write_bytes(made)
    encoder = heic.VERSION if kind is Kind.HEIC else f"Pillow {pillow_version}"
    return Made(encoder, settings, image.width, image.height)


def _decoded(data: bytes, limits: Limits, kind: Kind) -> Image.Image:
    """Decode every frame; the first one is current afterwards."""
    if kind is Kind.HEIC:
        heic.register()
    with _decoding(kind):
        image = Image.open(io.BytesIO(data), formats=_FORMATS[kind])
        _check_size(image, limits)
        if kind is not Kind.JPEG:  # of a JPEG with several pictures the first is the photo
            _walk(image, limits)
        image.load()
    _check_container(data, kind)
    return image


def _walk(image: Image.Image, limits: Limits) -> None:
    for frame in range(1, getattr(image, "n_frames", 1)):
        image.seek(frame)
        _check_size(image, limits)
        image.load()
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)


def _check_container(data: bytes, kind: Kind) -> None:
    """Read to the end marker: decoders fill up a cut-off scan and say nothing."""
    if kind is Kind.JPEG:
        jpeg.take_apart(data)
    if kind is Kind.PNG:
        list(png.chunks(data))


def _check_size(image: Image.Image, limits: Limits) -> None:
    if (pixels := image.width * image.height) > limits.pixels:
        raise Keep(f"it has {pixels:,} pixels, more than {limits.pixels:,}", readable=None)


@contextmanager
def _decoding(kind: Kind) -> Iterator[None]:
    """Turn what decoders raise on bad bytes into Broken; errors of the disk pass."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise Broken(f"the {kind} cannot be decoded: {error}") from error
    except _HURT as error:
        raise Broken(f"the {kind} cannot be decoded: {error}") from error


def _jpeg(data: bytes, image: Image.Image, quality: int) -> tuple[bytes, str]:
    source = jpeg.take_apart(data)
    if image.mode not in {"RGB", "L"}:
        raise Keep(f"its colours are {image.mode}")
    if lost := carry.obstacle(source):
        raise Keep(lost)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="keep", optimize=True, progressive=True)
    made = carry.carry_over(source, out.getvalue())
    return made, f"quality={quality} progressive; {carry.account(data, made)}"


def _png(data: bytes, image: Image.Image) -> tuple[bytes, str]:
    source = list(png.chunks(data))
    if lost := png.carries(source):
        raise Keep(lost)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=9)
    return png.carry_over(source, out.getvalue()), "lossless level=9"


def _decoded_again(made: bytes, limits: Limits, kind: Kind) -> Image.Image:
    try:
        return _decoded(made, limits, kind)
    except Broken as error:
        raise Keep(f"the rendition came out damaged: {error}") from error


def _compare(old: Image.Image, new: Image.Image, *, lossless: bool) -> None:
    """Raise Keep unless size, colours and metadata of the rendition are the original's."""
    if (old.size, old.mode) != (new.size, new.mode):
        raise Keep(f"the rendition came out as {new.mode} {new.size}, not {old.mode} {old.size}")
    if lost := [name for name in _COMPARED if old.info.get(name) != new.info.get(name)]:
        raise Keep(f"the rendition lost its {', '.join(lost)}")
    if lossless and not _same_pixels(old, new):
        raise Keep("the rendition's pixels differ")


def _same_pixels(old: Image.Image, new: Image.Image) -> bool:
    """Compare all channels, alpha too: getbbox of RGBA looks at alpha alone unless told otherwise."""
    pair = (old.convert("RGBA"), new.convert("RGBA"))
    return ImageChops.difference(*pair).getbbox(alpha_only=False) is None
