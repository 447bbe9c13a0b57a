"""Makes the films of the corpus by ffmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.corpus.cases import COMPRESSED, Case, End
from tests.unit.compressor.samples import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-pix_fmt", "yuv420p")
X265: Final = (
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "qp=6:log-level=error:pools=none",
    "-pix_fmt",
    "yuv420p",
)
AAC: Final = ("-c:a", "aac", "-b:a", "32k")
APPLE: Final = (
    "-metadata", "creation_time=2020-03-04T05:06:07Z",
    "-metadata", "com.apple.quicktime.content.identifier=ABC-123",
    "-metadata", "com.apple.quicktime.location.ISO6709=+48.1000+011.5000/",
    "-metadata", "com.apple.quicktime.make=Apple",
    "-metadata", "com.apple.quicktime.model=iPhone 15 Pro",
    "-metadata", "com.apple.quicktime.creationdate=2020-03-04T06:06:07+0100",
    "-movflags", "use_metadata_tags+faststart",
)  # fmt: skip
SUBTITLES: Final = "1\n00:00:00,000 --> 00:00:00,900\nA lake\n"
CHAPTERS: Final = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=5\ntitle=One\n"
_SOUND: Final = ("-f", "lavfi", "-i", "sine=d={seconds}")


def film(
    path: Path,
    *after: str,
    codec: tuple[str, ...] = X264,
    size: str = "160x120",
    rate: str = "15",
    seconds: float = 1.0,
    sound: tuple[str, ...] = AAC,
    shown: str = "noise=alls=20:allf=t,drawbox=w=40:h=40:color=red:t=fill",
) -> None:
    """Write a film in one go; no `sound` leaves it out."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if sound:
        inputs += [part.format(seconds=seconds) for part in _SOUND]
    run(*inputs, "-vf", shown, *codec, *sound, *after, f"file:{path}")


def again(path: Path, *before: str, after: tuple[str, ...] = (), **options: Any) -> None:
    """Write a film, and copy its streams into the file with other words before and after it."""
    plain = path.with_name("plain.mov")
    film(plain, **options)
    run(*before, "-i", str(plain), "-c", "copy", *after, f"file:{path}")
    plain.unlink()


def case(
    group: str,
    name: str,
    ends: frozenset[End] = COMPRESSED,
    reason: str = "",
    *,
    made: Callable[..., None] = film,
    args: tuple[str, ...] = (),
    **options: Any,
) -> Case:
    return Case(group, name, lambda path: made(path, *args, **options), ends, reason)
