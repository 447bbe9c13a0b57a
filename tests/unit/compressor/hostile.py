"""Makes files that mean harm: bombs of pixels, texts, scans and frames, and bytes without end."""

from __future__ import annotations

import io
import os
import struct
import zlib
from typing import TYPE_CHECKING

from PIL import Image

from services.compressor.stills import png
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Callable


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, *extra: bytes, packed: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join(
        (png.SIGNATURE, header, *extra, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    )  # fmt: skip


def text_bomb() -> bytes:
    body = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    rows = zlib.compress(bytes(8 * (1 + 8 * 3)))
    return png_of(8, 8, chunk(b"zTXt", body), packed=rows)


def scan_bomb() -> bytes:
    out = io.BytesIO()
    samples.picture().save(out, "JPEG", progressive=True)
    data = out.getvalue()
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 5000 + b"\xff\xd9"


def huge_jpeg() -> bytes:
    out = io.BytesIO()
    samples.picture().save(out, "JPEG")
    data = bytearray(out.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


def gif_bomb() -> bytes:
    frames = [Image.new("1", (1200, 1200), n % 2) for n in range(40)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "pixels.png": (lambda: png_of(100_000, 100_000), "pixels"),
    "pixels.jpg": (huge_jpeg, "pixels"),
    "text.png": (text_bomb, ""),
    "scans.jpg": (scan_bomb, "scans"),
    "frames.gif": (gif_bomb, "pictures have more"),
    "empty.jpg": (lambda: b"", ""),
    "zeros.jpg": (lambda: bytes(100_000), ""),
    "zeros.heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100_000), ""),
    "noise.heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + os.urandom(100_000), ""),
    "fill.jpg": (lambda: b"\xff\xd8" + b"\xff" * 3_000_000, ""),
    "segments.jpg": (lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000, "segments"),
    "short.png": (lambda: png.SIGNATURE, ""),
    "rows.png": (lambda: png_of(64, 64, packed=zlib.compress(b"\0" * 10)), ""),
}
"""Names to what makes the file, and a part of what is said of it."""
