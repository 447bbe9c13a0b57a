"""Has ExifTool read a file and its rendition, where it is installed: a second reader that knows every maker's note.

It is started once and asked file by file (`-stay_open`); it may only read.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_READY: Final = b"{ready}\n"
_PREVIEWS: Final = (
    "-ThumbnailImage",
    "-PreviewImage",
    "-OtherImage",
    "-JpgFromRaw",
    "-MPImage2",
    "-MPImage3",
    "-GainMapImage",
)
_BY_DESIGN: Final = re.compile(
    r"^(SourceFile|ExifTool:ExifToolVersion|ExifTool:Warning|System:.*|File:.*|JFIF:.*|Composite:.*|QuickTime:MediaData(Size)?"
    r"|MPImage\d+:MPImage(Start|Length)|XMP-\w*Container:Directory\w*|.*:(Thumbnail|Preview\w*|Other|Mac|JpgFromRaw)(Image)?(Offset|Start))$"
)  # fmt: skip
# Of a video: how and where pictures are stored, and when and by what the file was written.
_STORED: Final = re.compile(
    r"^(QuickTime:(MinorVersion|CompatibleBrands|MediaData\w*|MovieHeaderVersion|ModifyDate|TimeScale|NextTrackID)"
    r"|Keys:(MinorVersion|CompatibleBrands)|\w+:(Encoder|SoftwareVersion|\w*Duration)"  # lengths are compared by `watching`, to a frame
    r"|Track\d+:(Compressor\w*|BitDepth|VideoFrameRate|VendorID|AverageBitrate|MaxBitrate|BufferSize|\w+Version|TrackModifyDate|MediaModifyDate|VideoFieldOrder|PixelAspectRatio|TrackID|\w*Configuration|SourceImage\w+|.Resolution))$"
)
_TABLE: Final = "(Binary data"
_HEIC_DESIGN: Final = re.compile(
    r"^(IFD0:Orientation|XMP-tiff:Orientation|QuickTime:.*|Meta:.*|ICC-header:.*|ICC\S*2:.*)$"  # the second profile is its preview's
)


def is_there() -> bool:
    """Say whether it is installed."""
    return shutil.which("exiftool") is not None


@cache
def _running() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["exiftool", "-stay_open", "True", "-@", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def end() -> None:
    """Have it end, if it was started."""
    if _running.cache_info().currsize:
        _running().communicate(b"-stay_open\nFalse\n", timeout=10)
        _running.cache_clear()


def _ask(*words: str) -> bytes:
    program = _running()
    assert program.stdin
    assert program.stdout
    program.stdin.write(
        "".join(f"{word}\n" for word in (*words, "-execute")).encode(errors="surrogateescape")
    )
    program.stdin.flush()
    said = bytearray()
    while not said.endswith(_READY):
        more = program.stdout.readline()
        assert more, "exiftool ended"
        said += more
    return bytes(said[: -len(_READY)])


def tags(path: Path) -> dict[str, Any]:
    """Return every tag by its group and name, numbers as numbers, unknown ones too."""
    found: dict[str, Any] = json.loads(
        _ask("-j", "-n", "-a", "-u", "-G1", "-struct", "-api", "largefilesupport=1", str(path))
        or b"[{}]"
    )[0]
    return found


def previews(path: Path) -> dict[str, bytes]:
    """Return the pictures inside the file, as the places that maker notes and indexes name hold them."""
    found = json.loads(_ask("-j", "-b", "-G1", "-a", *_PREVIEWS, str(path)) or b"[{}]")[0]
    return {
        name: base64.b64decode(value[7:])
        for name, value in found.items()
        if str(value).startswith("base64:")
    }


def check_same(old: Path, new: Path) -> None:
    """Assert that ExifTool finds the same tags and the same pictures inside, but for what has to change by design."""
    if not old.name.isprintable():
        return  # a list of arguments cannot hold it
    before, after = tags(old), tags(new)
    if str(before.get("File:MIMEType")).startswith("video/"):
        assert not (lost := _lost_of_a_film(before, after)), f"ExifTool misses tags: {lost}"
        return
    is_heic = before.get("File:FileType") in {"HEIC", "HEIF"}
    unlike = {
        name: (before.get(name), after.get(name))
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and not _by_design(name, is_heic=is_heic)
    }
    assert not unlike, f"ExifTool reads other tags: {unlike}"
    assert previews(old) == previews(new), "ExifTool finds other pictures inside"


def _by_design(name: str, *, is_heic: bool) -> bool:
    return bool(_BY_DESIGN.match(name) or (is_heic and _HEIC_DESIGN.match(name)))


def _lost_of_a_film(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the tags whose name and value are in no group of the rendition; tables of samples are no tags."""
    kept = {(name.partition(":")[2], repr(value)) for name, value in after.items()}
    return {
        name: value
        for name, value in before.items()
        if not (_BY_DESIGN.match(name) or _STORED.match(name))
        and not (name.startswith("Track") and str(value).startswith(_TABLE))
        and (name.partition(":")[2], repr(value)) not in kept
    }
