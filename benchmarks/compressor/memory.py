"""Measures how much memory one file takes at most, class by class; makes its files, and writes below a temporary folder only.

    python -m benchmarks.compressor.memory FILE

measures one file: in a process of its own, so that the kernel's high-water marks are of this file alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from benchmarks.compressor.stills import pictures
from benchmarks.shared.page import table
from benchmarks.shared.processes import memory_mb
from services.compressor.encode import Job, compress
from services.compressor.films.ffmpeg_program import program
from services.compressor.pool.child import NURSERY
from services.compressor.tiers.profiles import SMALL
from services.compressor.tiers.tier import Still
from services.compressor.verdict import Compressed, Left
from shared.domain.errors import PhotoductError

if TYPE_CHECKING:
    from collections.abc import Callable

_TIERS: Final = tuple(
    replace(tier, webp=Still("libwebp", 75, 55), avif=Still("aom", 60, 55)) for tier in SMALL
)
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_EVERY_S: Final = 0.05
_12, _48, _200 = (4032, 3024), (8064, 6048), (16_320, 12_240)


@dataclass(frozen=True, slots=True)
class Taken:
    """One file: what became of it, its seconds, MiB of the largest process and of all processes together at most."""

    end: str
    seconds: float
    largest: float
    together: float


def _still(size: tuple[int, int], kind: str, path: Path) -> None:
    """One picture over and over: to draw a whole one would take minutes."""
    with (
        tempfile.TemporaryDirectory() as room,
        Image.open(pictures(Path(room), 1, (1008, 756))[0]) as tile,
    ):
        image = Image.new("RGB", size)
        for x in range(0, size[0], tile.width):
            for y in range(0, size[1], tile.height):
                image.paste(tile, (x, y))
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95},
        "HEIF": {"quality": 85, "enc_params": {"preset": "ultrafast"}, "tile_size": 512},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": 95},
        "AVIF": {"quality": 90, "speed": 8},
    }
    image.save(path, kind, **options[kind])


def _film(size: str, codec: tuple[str, ...], path: Path) -> None:
    subprocess.run(
        [program(), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=1", "-vf", "noise=alls=12:allf=t",
         "-c:v", *codec, "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


_H264: Final = ("libx264", "-qp", "18")
_HEVC: Final = ("libx265", "-x265-params", "qp=14:log-level=error", "-tag:v", "hvc1")
CLASSES: Final[dict[str, tuple[str, Callable[[Path], None]]]] = {
    "JPEG of 12 megapixels": ("a.jpg", partial(_still, _12, "JPEG")),
    "JPEG of 48 megapixels": ("a.jpg", partial(_still, _48, "JPEG")),
    "JPEG of 200 megapixels": ("a.jpg", partial(_still, _200, "JPEG")),
    "HEIC of 12 megapixels": ("a.heic", partial(_still, _12, "HEIF")),
    "HEIC of 48 megapixels": ("a.heic", partial(_still, _48, "HEIF")),
    "PNG of 12 megapixels": ("a.png", partial(_still, _12, "PNG")),
    "PNG of 48 megapixels": ("a.png", partial(_still, _48, "PNG")),
    "WebP of 12 megapixels": ("a.webp", partial(_still, _12, "WEBP")),
    "AVIF of 12 megapixels": ("a.avif", partial(_still, _12, "AVIF")),
    "H.264 video, 1080p": ("a.mov", partial(_film, "1920x1080", _H264)),
    "H.264 video, 4K": ("a.mov", partial(_film, "3840x2160", _H264)),
    "HEVC video, 4K": ("a.mov", partial(_film, "3840x2160", _HEVC)),
}
"""Each class: the name of its file, and what writes it."""


_QUICK: Final[dict[str, tuple[str, Callable[[Path], None]]]] = {
    "JPEG of 1 megapixel": ("a.jpg", partial(_still, (1008, 756), "JPEG"))
}


async def measure(quick: bool) -> str:
    """Return the table; `quick`: of one small file."""
    return await asyncio.to_thread(_table, _QUICK if quick else CLASSES)


def _table(classes: dict[str, tuple[str, Callable[[Path], None]]]) -> str:
    rows = []
    for name, (file, make) in classes.items():
        with tempfile.TemporaryDirectory() as room:
            path = Path(room) / file
            make(path)
            taken = _in_a_process_of_its_own(path)
            size = f"{path.stat().st_size / 1e6:.0f} MB"
        rows.append(
            (
                name,
                size,
                taken.end,
                f"{taken.largest:.0f}",
                f"**{taken.together:.0f}**",
                f"{taken.seconds:.0f}",
            )
        )
    head = (
        "class",
        "file",
        "outcome",
        "largest process, MiB",
        "all of one file's processes, MiB",
        "s",
    )
    load = os.getloadavg()[0]
    return (
        f"Tier heavy of `small` (WebP and AVIF of quality 75 and 60), one file at a time; load of the machine at the end: {load:.1f}.\n\n"
        + table(head, rows)
    )


def _in_a_process_of_its_own(path: Path) -> Taken:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compressor.memory", str(path)], check=True, capture_output=True, text=True
    )  # fmt: skip
    return Taken(**json.loads(done.stdout))


async def _measured(path: Path) -> Taken:
    peak = _Peak()
    began = time.perf_counter()
    target = path.with_name(f"made{path.suffix}")
    with peak:
        end = await _end(Job(path, target, _NOW - timedelta(days=2000), _NOW, _TIERS))
    seconds = time.perf_counter() - began
    NURSERY.end()
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Taken(end, seconds, largest, peak.most)


async def _end(job: Job) -> str:
    try:
        found = await compress(job)
    except PhotoductError as error:
        return f"failed: {error}"
    match found:
        case Compressed():
            return "compressed"
        case Left():
            return f"left: {found.reason}"
        case _:
            return f"unreadable: {found.reason}"


class _Peak:
    """Looks at the proportional memory of the decoders' parent and all below it, again and again."""

    def __init__(self) -> None:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            if pid := NURSERY.pid:
                with suppress(OSError):  # one of them has just ended
                    self.most = max(self.most, memory_mb(pid))


def main() -> None:
    """Measure one file and print it."""
    taken = asyncio.run(_measured(Path(sys.argv[1]).absolute()))
    sys.stdout.write(json.dumps(asdict(taken)))


if __name__ == "__main__":
    main()
