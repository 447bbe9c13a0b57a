"""Tells which camera took a photo or video by what the file says of it; it decodes no picture and changes nothing.

For the worker process alone: the bytes are a stranger's.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from PIL import Image

from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.stills import heic
from services.compressor.tiers.policy import Kind

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS: Final = {
    Kind.JPEG: ("JPEG", "MPO"),
    Kind.HEIC: ("HEIF",),
    Kind.PNG: ("PNG",),
    Kind.AVIF: ("AVIF",),
    Kind.WEBP: ("WEBP",),
}
_MOVIES: Final = frozenset({Kind.H264, Kind.HEVC, Kind.OTHER_VIDEO})
_MAKE, _MODEL = 271, 272  # EXIF
_KEY: Final = "com.apple.quicktime."
_HEAD = 8  # type and locale of a QuickTime value
_HURT = (
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)


def cameras_of(path: Path, kind: Kind) -> tuple[str, ...]:
    """Return the model alone and behind its maker, e.g. `iPhone 12` and `Apple iPhone 12`; empty when the file says none.

    Raises OSError when the disk is at fault.
    """
    try:
        make, model = _movie(path) if kind in _MOVIES else _still(path, kind)
    except OSError as error:
        if error.errno is not None:
            raise
        return ()
    except _HURT:
        return ()
    return tuple(dict.fromkeys(name for name in (model, f"{make} {model}".strip()) if name))


def _still(path: Path, kind: Kind) -> tuple[str, str]:
    if kind not in _FORMATS:
        return "", ""
    if kind is Kind.HEIC:
        heic.register()
    with Image.open(path, formats=_FORMATS[kind]) as image:
        exif = image.getexif()
        return _text(exif.get(_MAKE)), _text(exif.get(_MODEL))


def _movie(path: Path) -> tuple[str, str]:
    try:
        keys = read_movie(path).keys
    except NotMp4:
        return "", ""
    make, model = (keys.get(f"{_KEY}{name}", b"")[_HEAD:] for name in ("make", "model"))
    return _text(make.decode("utf-8", "replace")), _text(model.decode("utf-8", "replace"))


def _text(value: object) -> str:
    return str(value or "").split("\0")[0].strip()
