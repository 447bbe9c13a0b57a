"""Sets photoduct's rendition of a film beside HandBrake's: size at equal VMAF, time, and what metadata is lost.

Both work on the same films in one run, by x265 with the preset `fast`; files are written below a temporary folder only.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compressor import peer_metadata
from benchmarks.compressor.peer_programs import spent, version_of
from benchmarks.compressor.peer_search import Try, size_at
from benchmarks.compressor.peers import of_kinds
from benchmarks.shared.page import table
from services.compressor.films.ffmpeg_program import program
from services.compressor.films.film import video
from services.compressor.kind import kind_of
from services.compressor.tiers.policy import Encode, Kind
from services.compressor.tiers.profiles import BALANCED
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIER = BALANCED[0]
_SECONDS, _QUICK = 2, 1
_MOST_SECONDS = 20  # a folder's longer films are passed over: the search encodes each a dozen times
_CRF = re.compile(r"crf=(\d+)")
_USUAL_RF = 22
# HandBrake writes BT.709 into a film that says nothing, and ffmpeg would turn the colours of one of the two before it compares.
_SAME_COLOURS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_PAIRED = f"{_SAME_COLOURS},settb=1/25,setpts=N,format=yuv420p"
_SCALE = 51  # HandBrake's RF counts down from here: less is better
_X265 = (
    "-e",
    "x265",
    "--encoder-preset",
    "fast",
    "-E",
    "copy",
    "--maxWidth",
    "8192",
    "--maxHeight",
    "8192",
)
_HEAD = (
    "film", "tool", "size, of the original", "VMAF", "size at photoduct's VMAF, of photoduct's", "CPU s, one encode",
    "CPU s, to that VMAF", "metadata lost, tags",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A rendition: bytes, VMAF (mean of the frames), CPU seconds of one encode and of everything."""

    path: Path
    size: int
    vmaf: float
    encode: float
    whole: float


async def measure(quick: bool, folder: Path | None = None) -> str:
    """Return the table: of a film made by script, and of a folder's short ones."""
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        films = [await asyncio.to_thread(_film, room / "made.mov", _QUICK if quick else _SECONDS)]
        if folder:
            films += filter(_is_short, of_kinds(folder, Kind.H264, Kind.HEVC))
        rows = []
        for n, film in enumerate(films):
            place = room / str(n)
            place.mkdir()
            rows += await asyncio.to_thread(_rows, film, place)
    version = version_of(["HandBrakeCLI", "--version"])
    tail = "" if version else "\n\nNot installed: HandBrake (Debian: handbrake-cli)."
    load = os.getloadavg()[0]
    head = f"Tier {_TIER.name} of balanced; HandBrake {version}. Load of the machine at the end: {load:.1f}."
    return f"{head}\n\n{table(_HEAD, rows)}{tail}"


def _film(path: Path, seconds: int) -> Path:
    """Make a turned H.264 film of 1280 x 720 with grain, sound, Apple's keys and a creation time."""
    plain = path.with_name(f"plain-{path.name}")
    _ffmpeg("-f", "lavfi", "-i", f"mandelbrot=s=1280x720:r=25,trim=duration={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}",
        "-vf", "noise=alls=8:allf=t", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-crf", "14", "-c:a", "aac", str(plain))  # fmt: skip
    _ffmpeg("-display_rotation", "90", "-i", str(plain), "-c", "copy", "-metadata", "creation_time=2024-05-06T07:08:09Z",
        "-metadata", "com.apple.quicktime.content.identifier=PEERS-1", "-metadata", "com.apple.quicktime.make=Apple",
        "-metadata", "com.apple.quicktime.location.ISO6709=+48.1000+011.5000/",
        "-movflags", "use_metadata_tags+faststart", str(path))  # fmt: skip
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(
        [program(), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL
    )


def _is_short(path: Path) -> bool:
    done = subprocess.run([program(), "-i", str(path)], capture_output=True, text=True, check=False)
    found = re.search(r"Duration: (\d+):(\d+):([\d.]+)", done.stderr)
    if not found:
        return False
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds <= _MOST_SECONDS


def _rows(film: Path, room: Path) -> list[tuple[str, ...]]:
    name = film.name
    try:
        ours = _ours(film, room / f"photoduct{film.suffix}")
    except Keep as left:
        return [(name, f"photoduct leaves it: {left}", *[""] * 6)]
    rows = [_row(name, "**photoduct**", film, ours, "1")]
    if shutil.which("HandBrakeCLI"):
        usual = _handbrake(film, room / "usual.mp4", ("--preset", "Fast 1080p30"))
        rows.append(_row(name, "HandBrake, Fast 1080p30", film, usual, ""))
        rows.append(_row(name, "HandBrake, x265 fast", film, *_equal(film, ours, room)))
    return rows


def _row(name: str, tool: str, film: Path, made: Made, ratio: str) -> tuple[str, ...]:
    lost = "not known: exiftool is not installed"
    if peer_metadata.installed():
        lost = peer_metadata.lost([(peer_metadata.tags(film), peer_metadata.tags(made.path))])
    return (
        name, tool, f"{made.size / film.stat().st_size:.3f}", f"{made.vmaf:.1f}", ratio,
        f"{made.encode:.0f}", f"{made.whole:.0f}", lost,
    )  # fmt: skip


def _ours(film: Path, target: Path) -> Made:
    """Let the product's codec search, encode and judge, then encode once more at what it found; raises Keep."""
    kind = kind_of(film)
    setting = _TIER.h264 if kind is Kind.H264 else _TIER.hevc
    assert setting
    before = _children()
    made = video(film, target, Encode(kind, setting), lambda _: None)
    whole = _children() - before
    crf = _CRF.findall(made.settings)[0]
    once = spent([program(), "-v", "error", "-y", "-noautorotate", "-threads", "1", "-i", str(film), "-c:v", "libx265",
        "-preset", "fast", "-crf", crf, "-x265-params", "pools=none:frame-threads=1:log-level=error", "-threads", "1", "-c:a", "copy",
        str(target.with_name(f"once{target.suffix}"))])  # fmt: skip
    return Made(target, target.stat().st_size, _vmaf(target, film), once, whole)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _handbrake(film: Path, target: Path, words: Sequence[str]) -> Made:
    seconds = spent(["HandBrakeCLI", "-i", str(film), "-o", str(target), *words])
    return Made(target, target.stat().st_size, _vmaf(target, film), seconds, seconds)


def _equal(film: Path, ours: Made, room: Path) -> tuple[Made, str]:
    """Search HandBrake's RF for our VMAF; return its nearest rendition that reaches it, and its size at our VMAF as a part of ours."""
    tried: list[Made] = []
    before = _children()

    def attempt(quality: int) -> Try:
        target = room / f"x265-{quality}.mp4"
        made = _handbrake(film, target, (*_X265, "-q", str(_SCALE - quality)))
        tried.append(made)
        return Try(made.size, made.vmaf)

    usual = _SCALE - _USUAL_RF
    size = size_at(ours.vmaf, attempt, {usual: attempt(usual)}, _SCALE - 40, _SCALE - 12)
    reaching = [made for made in tried if made.vmaf >= ours.vmaf]
    nearest = min(reaching or tried, key=lambda made: abs(made.vmaf - ours.vmaf))
    once = statistics.median(made.encode for made in tried)
    found = replace(nearest, encode=once, whole=_children() - before)
    return found, f"{size / ours.size:.3f}" if size else "never reached"


def _vmaf(made: Path, source: Path) -> float:
    """Return the mean VMAF of the frames as a player shows them: upright, of the source's size, paired by their number."""
    with tempfile.NamedTemporaryFile("r") as log:
        graph = (
            f"[0:v:0]{_PAIRED}[made];[1:v:0]{_PAIRED},split[source][size];"
            "[made][size]scale=rw:rh[scaled];[scaled][source]"
        )
        judge = f"libvmaf=n_threads=1:log_fmt=json:log_path={log.name}"
        _ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph + judge, "-f", "null", "-")
        found = json.load(log)
    return float(found["pooled_metrics"]["vmaf"]["mean"])
