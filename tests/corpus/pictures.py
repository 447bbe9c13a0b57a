"""Makes the pictures of the corpus, the same ones each time, as files of every kind; none lies in the repository."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache
from typing import Any

import oxipng
import pillow_heif
import pyjpegli  # type: ignore[import-not-found,unused-ignore]
from PIL import Image, ImageCms

from services.compressor.stills import png as parts
from tests.unit.compressor import samples

pillow_heif.register_heif_opener()
WIDE = (240, 176)


@cache
def photo(size: tuple[int, int] = WIDE, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture with fine and coarse detail whose eight ways up all look different."""
    width, height = size
    noise = random.Random(f"{size}{seed}")  # noqa: S311 - pictures, not secrets
    grain = Image.frombytes("L", size, noise.randbytes(width * height))
    coarse = grain.resize((max(width // 2, 1), max(height // 2, 1))).resize(size)
    shape = Image.effect_mandelbrot(size, (-2.0, -1.2, 0.9, 1.6), 100)
    across = Image.linear_gradient("L").resize(size)
    down = Image.linear_gradient("L").rotate(90).resize(size)
    luma = Image.blend(Image.blend(coarse, shape, 0.6), down, 0.4)
    image = Image.merge("YCbCr", (luma, across, down)).convert("RGB")
    corner = (0, 0, max(width // 4, 1), max(height // 3, 1))
    image.paste((230, 40, 30), corner)
    return image.convert(mode)


def jpeg(image: Image.Image | None = None, quality: int = 96, **options: Any) -> bytes:
    """The picture as Pillow writes a JPEG."""
    out = io.BytesIO()
    shown = photo() if image is None else image
    shown.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def jpegli(quality: int, size: tuple[int, int] = WIDE) -> bytes:
    """The picture as jpegli writes a JPEG."""
    made: bytes = pyjpegli.encode(photo(size).tobytes(), *size, quality=quality)
    return made


def png(image: Image.Image, level: int = 1, **options: Any) -> bytes:
    """The picture as a PNG that leaves room to pack it anew."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=level, **options)
    return out.getvalue()


def interlaced(data: bytes) -> bytes:
    """A PNG in the seven passes of Adam7."""
    made: bytes = oxipng.optimize_from_memory(
        data, level=0, interlace=oxipng.Interlacing.Adam7, strip=oxipng.StripChunks.none(), force=True,
        bit_depth_reduction=False, color_type_reduction=False, palette_reduction=False, grayscale_reduction=False,
    )  # fmt: skip
    return made


def heic(image: Image.Image | None = None, quality: int = 90, **options: Any) -> bytes:
    """The picture as libheif writes a HEIC."""
    out = io.BytesIO()
    shown = photo() if image is None else image
    shown.save(out, "HEIF", quality=quality, **options)
    return out.getvalue()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as Pillow writes any other kind."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_chunks(data: bytes, *chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """A PNG with further chunks right behind its header, or right before its end."""
    at = len(data) - 12 if behind else len(parts.SIGNATURE) + 25
    made = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return data[:at] + made + data[at:]


def box(name: bytes, body: bytes) -> bytes:
    """An ISO box."""
    return struct.pack(">I", 8 + len(body)) + name + body


@cache
def icc(name: str = "sRGB") -> bytes:
    """A profile: sRGB, LAB or XYZ as LittleCMS makes them; `wide` is sRGB's with another description."""
    if name == "wide":
        return samples.icc().replace(b"s\0R\0G\0B", b"P\0003\0-\0D")
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def flipped(data: bytes, seed: int, changes: int, start: int = 2) -> bytes:
    """`data` with some bytes changed, the same ones each time."""
    draw = random.Random(seed)  # noqa: S311 - pictures, not secrets
    hurt = bytearray(data)
    for _ in range(changes):
        hurt[draw.randrange(start, len(hurt))] ^= 1 << draw.randrange(8)
    return bytes(hurt)


def zeroed(data: bytes, first: float, last: float) -> bytes:
    """`data` with a hole of zeros, as a sparse download leaves; the places are parts of its length."""
    start, end = int(len(data) * first), int(len(data) * last)
    return data[:start] + bytes(end - start) + data[end:]
