"""Tells what a file is from its name and header; it never decodes pixels."""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pillow_heif
from PIL import Image

from simulators.icloud.contents import Content

pillow_heif.register_heif_opener()

_EXIF_IFD, _TAKEN, _TAKEN_OFFSET = 0x8769, 36867, 36881

STILLS = {
    ".heic": "public.heic",
    ".heif": "public.heif",
    ".jpg": "public.jpeg",
    ".jpeg": "public.jpeg",
    ".png": "public.png",
    ".gif": "com.compuserve.gif",
    ".tif": "public.tiff",
    ".tiff": "public.tiff",
    ".webp": "org.webmproject.webp",
    ".avif": "public.avif",
    ".bmp": "com.microsoft.bmp",
}
RAWS = {
    ".dng": "com.adobe.raw-image",
    ".cr2": "com.canon.cr2-raw-image",
    ".cr3": "com.canon.cr3-raw-image",
    ".crw": "com.canon.crw-raw-image",
    ".raf": "com.fuji.raw-image",
    ".nef": "com.nikon.raw-image",
    ".nrw": "com.nikon.nrw-raw-image",
    ".orf": "com.olympus.raw-image",
    ".rw2": "com.panasonic.rw2-raw-image",
    ".pef": "com.pentax.raw-image",
    ".arw": "com.sony.arw-raw-image",
}
MOVIES = {
    ".mov": "com.apple.quicktime-movie",
    ".mp4": "public.mpeg-4",
    ".m4v": "com.apple.m4v-video",
    ".avi": "public.avi",
    ".3gp": "public.3gpp",
}
_TYPES = {**STILLS, **RAWS, **MOVIES}
MOVIE_TYPES = frozenset(MOVIES.values())


@dataclass(frozen=True)
class Header:
    """What an image's header says: sides in pixels (0 = unknown) and when it was taken."""

    width: int = 0
    height: int = 0
    taken: datetime | None = None


def file_type(path: Content) -> str:
    """Name the uniform type identifier of a content, `public.data` for what is no media."""
    return _TYPES.get(path.suffix.lower(), "public.data")


def read_header(path: Path) -> Header:
    """Read an image's header; a movie, a broken or an unreadable file gives an empty one."""
    if path.suffix.lower() not in STILLS:
        return Header()
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return Header(*image.size, taken=_taken(image))
    except (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError):
        return Header()


def _taken(image: Image.Image) -> datetime | None:
    tags = image.getexif().get_ifd(_EXIF_IFD)
    text, offset = str(tags.get(_TAKEN, "")), str(tags.get(_TAKEN_OFFSET, "")).strip("\0 ")
    try:
        naive = datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        return (
            datetime.fromisoformat(naive.strftime("%Y-%m-%dT%H:%M:%S") + offset)
            if offset
            else naive
        )
    except ValueError:
        return None
