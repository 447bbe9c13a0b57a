"""Makes the pictures and videos that these tests compress; none lies in the repository."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from services.compressor.ffmpeg import program

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
    noise = Image.effect_noise(size, 60)
    fractal = Image.effect_mandelbrot(size, (-2.0, -1.5, 1.0, 1.5), 100)
    return Image.merge("RGB", (noise, fractal, Image.linear_gradient("L").resize(size))).convert(
        mode
    )


def jpeg(
    path: Path, *, size: tuple[int, int] = (320, 240), mode: str = "RGB", **options: Any
) -> Path:
    picture(size, mode).save(path, "JPEG", quality=97, exif=exif(), icc_profile=icc(), **options)
    return path


def plot(path: Path, **options: Any) -> Path:
    """A PNG as careless programs write it: flat colours, hardly compressed."""
    Image.linear_gradient("L").convert("P").save(path, "PNG", compress_level=0, **options)
    return path


def video(
    path: Path,
    *options: str,
    seconds: float = 1.0,
    encoder: tuple[str, ...] = ("-pix_fmt", "yuv420p"),
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
        "-movflags", "use_metadata_tags+faststart", str(path))  # fmt: skip
    plain.unlink()
    return path


def run(*arguments: str) -> None:
    subprocess.run(
        [program(), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL
    )
