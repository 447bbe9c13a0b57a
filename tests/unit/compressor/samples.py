"""Makes the pictures and videos that these tests compress; none lies in the repository."""

import ctypes
import struct
import subprocess
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from services.compressor.films.ffmpeg_program import program
from services.compressor.stills import png

_libc = ctypes.CDLL(None)
MAKER_NOTE = b"Apple iOS\0\0\1MM" + bytes(range(256)) * 4


def exif(orientation: int = 6) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Apple"
    tags.get_ifd(0x8769)[0x927C] = MAKER_NOTE
    tags.get_ifd(0x8825)[0x0001] = "N"
    return tags.tobytes()


@cache
def icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(size: tuple[int, int] = (320, 240), mode: str = "RGB") -> Image.Image:
    """A picture with fine and coarse detail and soft colours, as photos have."""
    width, height = size
    _libc.srand(
        1
    )  # as in a new process, whatever has drawn lots in this one: Pillow asks the C library
    grain = Image.effect_noise((width // 2 or 1, height // 2 or 1), 60).resize(size)
    fractal = Image.effect_mandelbrot(size, (-2.0, -1.5, 1.0, 1.5), 100)
    slope = Image.linear_gradient("L").resize(size)
    parts = (Image.blend(grain, fractal, 0.3), slope, slope.rotate(180))
    return Image.merge("YCbCr", parts).convert("RGB").convert(mode)


def jpeg(
    path: Path, *, size: tuple[int, int] = (320, 240), mode: str = "RGB", **options: Any
) -> Path:
    picture(size, mode).save(path, "JPEG", quality=97, exif=exif(), icc_profile=icc(), **options)
    return path


def plot(path: Path, **options: Any) -> Path:
    """A PNG as careless programs write it: flat colours, hardly compressed."""
    Image.linear_gradient("L").convert("P").save(path, "PNG", compress_level=0, **options)
    return path


_DEEP = {"I;16": (0, 1), "RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}


def deep_png(path: Path, mode: str, low: int = 0) -> Path:
    """A PNG of 16 bits a sample, hardly compressed; `low` is added to the first sample."""
    colour, samples = _DEEP[mode]
    size = 96
    rows = [
        bytes([0])
        + b"".join(
            (257 * (x + y) % 60_000 + c * 3 + (low if x == y == c == 0 else 0)).to_bytes(2)
            for x in range(size)
            for c in range(samples)
        )
        for y in range(size)
    ]
    header = struct.pack(">IIBBBBB", size, size, 16, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 0)), (b"IEND", b""))
    path.write_bytes(png.SIGNATURE + b"".join(_chunk(name, body) for name, body in parts))
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_rows(path: Path) -> bytes:
    """The raw rows as ffmpeg decodes them, a decoder that keeps 16 bits."""
    done = subprocess.run(
        [program(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-"],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return done.stdout


def video(
    path: Path,
    *options: str,
    seconds: float = 1.0,
    encoder: tuple[str, ...] = ("-pix_fmt", "yuv420p"),
    faststart: bool = True,
) -> Path:
    """A turned MOV with sound and Apple's keys, at a bit rate as cameras use it."""
    plain = path.with_name(f"plain-{path.name}")
    run("-f", "lavfi", "-i", f"testsrc2=s=160x120:r=15:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}",
        "-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "12",
        *encoder, "-c:a", "aac", "-b:a", "32k", str(plain))  # fmt: skip
    run("-display_rotation", "90", "-i", str(plain), *options, "-c", "copy",
        "-metadata", "creation_time=2020-03-04T05:06:07Z",
        "-metadata", "com.apple.quicktime.content.identifier=ABC-123",
        "-metadata", "com.apple.quicktime.location.ISO6709=+48.1000+011.5000/",
        "-movflags", "use_metadata_tags" + "+faststart" * faststart, str(path))  # fmt: skip
    plain.unlink()
    return path


def run(*arguments: str) -> None:
    subprocess.run(
        [program(), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL
    )
