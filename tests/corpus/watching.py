"""Watches two videos as a player would, and reads what they say; uses none of the compressor's code.

What is read of a file is ffmpeg's own account for people and its list of tags, not the boxes.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import imageio_ffmpeg
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

_ITS_OWN: Final = {
    "encoder",
    "major_brand",
    "compatible_brands",
    "minor_version",
    "vendor_id",
    "handler_name",
}
_SHOWN: Final = (96, 72)


@dataclass(frozen=True, slots=True)
class Film:
    """What a player knows of a file."""

    streams: tuple[str, ...]
    """Kind and, for sound, codec and form of each stream, in order."""
    size: str
    rotation: str
    colours: frozenset[str]
    seconds: float
    tags: dict[str, str]
    frames: int
    sound: str
    """The digest of all packets of sound."""
    first: Image.Image
    last: Image.Image
    """Two frames as they are shown, the right way up."""


def watch(path: Path) -> Film:
    """Play a whole file; raises CalledProcessError when that fails."""
    told = _told(path)
    streams = re.findall(
        r"^ +Stream #0:\d+.*?: (Video|Audio|Subtitle|Data): (.*)$", told, re.MULTILINE
    )
    video = next(text for kind, text in streams if kind == "Video")
    colours = re.search(r"yuv\w+\(([^)]*)\)", video)
    rotation = re.search(r"displaymatrix: (.*)", told)
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told)
    assert length, told
    picture = ("-map", "0:v:0")
    return Film(
        streams=tuple(
            kind if kind == "Video" else f"{kind} {_form(text)}" for kind, text in streams
        ),
        size=_found(r", (\d+x\d+(?: \[[^\]]*\])?)", video),
        rotation=rotation[1] if rotation else "",
        colours=frozenset(colours[1].split(", ") if colours else ()) - {"progressive", "unknown"},
        seconds=int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]),
        tags=_tags(path),
        frames=_ffmpeg(path, *picture, "-fps_mode", "passthrough", "-f", "framecrc").count(b"\n0,"),
        sound=_ffmpeg(path, "-map", "0:a", "-c", "copy", "-f", "md5").decode()
        if "Audio" in dict(streams)
        else "",
        first=_frame(path),
        last=_frame(path, "-sseof", "-0.4"),
    )


def _told(path: Path) -> str:
    done = subprocess.run(
        # A few frames of 4K fill what it usually looks at, and then it says less of the sound.
        [*_PROGRAM, "-probesize", "1G", "-i", f"file:{path}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.stderr.decode("utf-8", "replace")


def _form(text: str) -> str:
    return re.sub(r" \(0x\w+\)|, \d+ kb/s|\[[^\]]*\]", "", text.replace(" (default)", ""))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


def _tags(path: Path) -> dict[str, str]:
    """Return the file's tags, and each stream's with its number before them."""
    words = _ffmpeg(path, "-map", "0:v", "-map", "0:a?", "-c", "copy", "-f", "ffmetadata").decode(
        "utf-8", "replace"
    )
    found, stream = {}, -1
    for line in words.replace("\\\n", " ").splitlines():
        stream += line == "[STREAM]"
        name, sign, value = line.partition("=")
        if sign and name not in _ITS_OWN:
            found[f"{stream}:{name}" if stream >= 0 else name] = value
    return found


def _frame(path: Path, *where: str) -> Image.Image:
    words = (
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-vf",
        f"scale={_SHOWN[0]}:{_SHOWN[1]}",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
    )
    data = _ffmpeg(path, *words, before=where) or _ffmpeg(path, *words)
    return Image.frombytes("RGB", _SHOWN, data[: _SHOWN[0] * _SHOWN[1] * 3])


_PROGRAM: Final = (imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin")


def _ffmpeg(path: Path, *words: str, before: tuple[str, ...] = ()) -> bytes:
    done = subprocess.run(
        [*_PROGRAM, "-v", "error", *before, "-i", f"file:{path}", *words, "-"],
        stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def check_same(old: Film, new: Film) -> None:
    """Assert that both are the same film: streams, size, way up, colours, length, frames, sound, and every tag."""
    for name in ("streams", "size", "rotation", "frames", "sound"):
        assert getattr(old, name) == getattr(new, name), (
            f"{name}: {getattr(old, name)} became {getattr(new, name)}"
        )
    assert abs(old.seconds - new.seconds) < 0.1, f"{old.seconds} s became {new.seconds} s"
    assert old.colours <= new.colours, f"{old.colours} became {new.colours}"
    lost = {name: value for name, value in old.tags.items() if new.tags.get(name) != value}
    assert not lost, f"tags were lost: {lost}, there are {new.tags}"
