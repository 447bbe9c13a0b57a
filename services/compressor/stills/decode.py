"""Decodes a still completely with Pillow and says what it is; never changes the source, and reads nothing twice as big as allowed.

Imported in the worker process only: Pillow and libheif read hostile bytes and cost 40 MB.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, ImageFile, UnidentifiedImageError

from services.compressor.stills import heic, jpeg, png
from services.compressor.stills.jpegli import JPEGLI
from services.compressor.tiers.policy import Kind
from services.compressor.verdict import Broken, Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.compressor.stills.jpeg import Segments
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
_MOST_FRAMES = 20  # times Limits.pixels: what all pictures of an animation may have together
_MOST_SCANS = (
    200  # cameras and encoders write 1 to 12; each one costs a pass over the whole picture
)
_LONG_TEXT = re.compile(r"Decompressed data too large|Too much memory used in text chunks")
_DAMAGED = re.compile(r"corrupt JPEG data|Failed to decode")
_HURT = (
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def decoded(data: bytes, limits: Limits, kind: Kind) -> Image.Image:
    """Decode every picture of the file; the first one is current afterwards. Raises Keep and Broken."""
    check_container(data, kind)
    if kind is Kind.HEIC:
        heic.register()
    with _decoding(kind):
        image = Image.open(io.BytesIO(data), formats=_FORMATS[kind])
        _check_size(image, limits)
        if kind is not Kind.JPEG:  # of a JPEG with several pictures the first is the photo
            _walk(image, limits)
        image.load()
    return image


def check_container(data: bytes, kind: Kind) -> None:
    """Read to the end marker: decoders fill up a cut-off scan and say nothing."""
    if kind is Kind.JPEG:
        parts = jpeg.take_apart(data)
        if reason := jpeg.unusual(parts):
            raise Keep(reason, readable=None)
        if parts.passes > _MOST_SCANS:
            raise Keep(f"it has {parts.passes:,} scans, more than {_MOST_SCANS}", readable=None)
    if kind is Kind.PNG:
        png.take_apart(data)


def check_undamaged(parts: Segments) -> None:
    """Raise Keep for a JPEG whose coded picture is damaged: libjpeg fills up what is missing, and says nothing where Pillow hears it."""
    if JPEGLI is None:
        return
    try:
        JPEGLI.decode(jpeg.put_together((), parts, b""))
    except RuntimeError as error:
        if _DAMAGED.search(str(error)):
            raise Keep("its picture is damaged", readable=None) from error


def _walk(image: Image.Image, limits: Limits) -> None:
    budget = _MOST_FRAMES * limits.pixels
    for frame in range(1, getattr(image, "n_frames", 1)):
        image.seek(frame)
        _check_size(image, limits)
        image.load()
        budget -= image.width * image.height
        if budget < 0:
            raise Keep(
                f"its pictures have more than {_MOST_FRAMES * limits.pixels:,} pixels",
                readable=None,
            )
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)


def _check_size(image: Image.Image, limits: Limits) -> None:
    if (pixels := image.width * image.height) > limits.pixels:
        raise Keep(f"it has {pixels:,} pixels, more than {limits.pixels:,}", readable=None)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def _decoding(kind: Kind) -> Iterator[None]:
    """Turn what decoders raise on bad bytes into Broken; errors of the disk pass."""
    try:
        yield
    except UnidentifiedImageError as error:  # its own words name an object in memory
        reason = "it is damaged, or of a form that is not known here"
        raise Broken(f"the {kind} cannot be decoded: {reason}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Broken(f"the {kind} cannot be decoded: {_line(error)}") from error
    except ValueError as error:
        if _LONG_TEXT.search(str(error)):
            raise Keep("a text in it is longer than can be read safely", readable=None) from error
        raise Broken(f"the {kind} cannot be decoded: {_line(error)}") from error
    except _HURT as error:
        raise Broken(f"the {kind} cannot be decoded: {_line(error)}") from error
