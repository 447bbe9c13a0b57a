"""Names of files, allotted before anything is downloaded; a remote name is metadata and can never choose a folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from shared.domain.folders import folder
from shared.domain.ids import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "RENDITION",
    "folder",
    "media_name",
    "path_key",
    "safe_extension",
    "safe_stem",
    "stem_key",
    "stems",
    "suffix_of",
]
MAX_STEM_BYTES = 150
"""Leaves room for suffixes and extensions within the 255 bytes that file systems allow."""
RENDITION = re.compile(r"(\d+)-[0-9a-f]{8}(?:\.[^./]*){0,2}")
"""The names of finished renditions in `compress/<media>/`: the attempt, what tells its tries apart, the file's extension, that of another form."""
_HOSTILE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
)


def safe_stem(filename: str) -> str:
    """Return the name without extension, NFC, free of separators and controls, never empty, hidden or reserved."""
    name = unicodedata.normalize("NFC", filename)
    stem = name.rsplit(".", 1)[0] if "." in name[1:] else name
    stem = _HOSTILE.sub("_", stem).strip(" .")
    while len(stem.encode()) > MAX_STEM_BYTES:
        stem = stem[:-1]
    stem = stem.rstrip(" .")
    if not stem.strip(" ._") or stem.split(".")[0].rstrip().lower() in _DEVICES:
        stem = f"file_{stem}".rstrip(" .")
    return stem


def stem_key(directory: str, stem: str) -> str:
    """Return what two stems may not share, even on disks that fold case or normalise Unicode."""
    return f"{directory}/{unicodedata.normalize('NFC', stem).casefold()}"


def stems(filename: str, asset: str) -> Iterator[str]:
    """Yield the stems to try for an asset, the plain one first; all its files share the one that is free."""
    plain = safe_stem(filename)
    digest = hashlib.sha256(asset.encode()).hexdigest()
    yield plain
    for length in (6, 12, 64):
        yield f"{plain}_{digest[:length]}"


def media_name(stem: str, resource: Resource, extension: str, version: int) -> str:
    """Return a file's name: the halves of a Live Photo and the sidecar share the stem; later versions are numbered from 2."""
    middle = {Resource.EDITED: "_edited", Resource.RECORD: ".record"}.get(resource, "")
    return f"{stem}{middle}{f'_v{version}' if version > 1 else ''}{safe_extension(extension)}"


def safe_extension(extension: str) -> str:
    """Return `.XYZ` of letters and digits, at most eight, or nothing."""
    cleaned = re.sub(r"[^0-9A-Za-z]", "", extension)[:8]
    return f".{cleaned}" if cleaned else ""


def suffix_of(path: str) -> str:
    """Return the extension of a path's last part with its dot, '' where it has none: `.JPG` of `2020/05/IMG_1.JPG`."""
    stem, _, extension = path.rpartition("/")[2].rpartition(".")
    return f".{extension}" if stem and extension else ""


def path_key(path: str) -> str:
    """Return what two paths may not share, even on disks that fold case or normalise Unicode; never a stem key."""
    return "file:" + unicodedata.normalize("NFC", path).casefold()
