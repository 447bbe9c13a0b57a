"""Tells what metadata a rendition lost, as exiftool reads it, which shares no code with photoduct; it only reads."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_EXIFTOOL = ("exiftool", "-json", "-struct", "-unknown", "-n", "-binary", "-G0:1")
_WORDS = {
    "EXIF:GPS": "GPS",
    "EXIF": "EXIF",
    "MakerNotes": "maker note",
    "ICC_Profile": "ICC",
    "XMP": "XMP",
    "IPTC": "IPTC",
    "MPF:MPImage2:MPImage2": "gain map",  # the picture itself; what leads to it may change
    "QuickTime:CreateDate": "creation time",
    "QuickTime:Keys:CreationDate": "creation time",
    "QuickTime:Keys:ContentIdentifier": "content identifier",
    "QuickTime:Keys:GPSCoordinates": "place",
    "QuickTime:Keys:Make": "camera",
    "QuickTime:Keys:Model": "camera",
    "QuickTime:Keys:Software": "camera",
    "QuickTime:UserData": "user data",
}  # the longest prefix counts; what none fits is not the photo's own
_PLACE = re.compile(r"(Offset|Start|Length|Size|ImageLength)$")
"""Names of numbers that say where in the file something lies: they have to change; what lies there is compared."""

Tags = dict[str, Any]


def installed() -> bool:
    """Say whether the judge is there."""
    return shutil.which(_EXIFTOOL[0]) is not None


def tags(path: Path) -> Tags:
    """Return every tag of metadata with its value, embedded pictures as base64; `group:name` to value."""
    command = [*_EXIFTOOL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)
    return {name: value for name, value in found.items() if _kind(name) and not _PLACE.search(name)}


def _kind(name: str) -> str | None:
    fits = [prefix for prefix in _WORDS if name.startswith(prefix)]
    return _WORDS[max(fits, key=len)] if fits else None


def lost(pairs: Iterable[tuple[Tags, Tags]]) -> str:
    """Say of which kinds of metadata how many tags are gone or changed, over all files; `nothing` when all are the same."""
    gone: Counter[str] = Counter()
    had: Counter[str] = Counter()
    for before, after in pairs:
        for name, value in before.items():
            kind = _kind(name) or ""
            had[kind] += 1
            gone[kind] += name not in after or after[name] != value
    told = [f"{kind} {gone[kind]}/{had[kind]}" for kind in had if gone[kind]]
    return ", ".join(told) or "**nothing**"
