"""Google Photos' own gate: looks at the bytes and answers why a file is refused; knows nothing of photoduct's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pillow_heif
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

pillow_heif.register_heif_opener()
# only headers are read here, so a huge picture is a fact to report and not a bomb
Image.MAX_IMAGE_PIXELS = None

_MB = 1000**2
_PHOTO_LIMIT = 200 * _MB
_VIDEO_LIMIT = 10_000 * _MB
_MOST_PIXELS = 200 * _MB
_LEAST_SIDE = 256
_STILL_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_TIFF_RAWS = (".dng", ".cr2", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".pef", ".srw")
_RAW_MAGICS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\0")


def refusal(file: Path) -> str | None:
    """Answer why Google Photos leaves this file alone, or None when it uploads it."""
    size = file.stat().st_size
    kind = _sniff(file)
    if kind == "video":
        return "video over 10 GB" if size > _VIDEO_LIMIT else None
    if kind in ("raw", "still"):
        return "photo over 200 MB" if size > _PHOTO_LIMIT else _refusal_of_picture(file, kind)
    return f"unsupported content: {kind}"


def _sniff(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(32)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return _sniff_boxes(head)
    if head.startswith(_RAW_MAGICS):
        return "raw"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "raw" if file.suffix.lower() in _TIFF_RAWS else "TIFF"
    return "still" if _is_still(head) else "neither photo nor video"


def _is_still(head: bytes) -> bool:
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return is_webp or head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8"))


def _sniff_boxes(head: bytes) -> str:
    brand = head[8:12]
    if brand == b"crx ":
        return "raw"
    return "still" if brand in _STILL_BRANDS else "video"


def _refusal_of_picture(file: Path, kind: str) -> str | None:
    if kind == "raw":
        return None
    try:
        with Image.open(file) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError):
        return "unreadable picture"
    if min(width, height) < _LEAST_SIDE:
        return f"too small: {width}x{height}"
    return "over 200 megapixels" if width * height > _MOST_PIXELS else None
