"""Measures what a video costs in the compressor: the final encode against ffmpeg alone, and the search and the gate as shares of it.

ffmpeg alone and the compressor alternate in one run, so that what else the machine does hurts both; the ratio counts.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compressor.clips import Shape, changing, repeated
from benchmarks.shared.page import table
from services.compressor.encode import Job, compress
from services.compressor.films.ffmpeg_program import program
from services.compressor.tiers.profiles import BALANCED
from services.compressor.tiers.tier import Film, Tier
from services.compressor.verdict import Compressed

_TIER = BALANCED[0]
_CRF = 24
_FIXED = Tier("fixed", None, h264=Film("x265", _CRF, 0.99, floor=0, floor_p5=0, tries=1))
"""One setting and no floor: what is left is the final encode."""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NICE = 10  # as the compressor's own
_NUMBER = re.compile(r"(\w+)=([\d.]+)")
_PACE = Shape(4, 1280, 720)
_SHARES = (Shape(3, 960, 540), Shape(15, 960, 540), Shape(125, 960, 540))
_QUICK_PACE, _QUICK_SHARES = Shape(1, 320, 180), (Shape(1, 160, 90), Shape(21, 160, 90))
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What the compressor says of one video; seconds of wall time, `whole` from the order to the flushed rendition."""

    shape: Shape
    tries: int
    finals: int
    search: float
    encode: float
    gate: float
    whole: float

    def row(self) -> tuple[str, ...]:
        """Say it as a row of the table."""

        def share(seconds: float) -> str:
            return f"{seconds:.1f} s, {seconds / self.encode:.0%}"

        rest = self.whole - self.search - self.encode - self.gate
        goal = "35 % at most" if self.shape.seconds > 120 else ""
        tried = f"{self.tries} tries, {self.finals} whole"
        search = f"**{self.search / self.encode:.0%}** ({self.search:.1f} s; {tried})"
        return (f"{self.shape.seconds:g} s", f"{self.encode:.1f} s", search, goal, share(self.gate), share(rest))  # fmt: skip


async def _ours(clip: Path, shape: Shape, tier: Tier) -> Cost:
    """Compress a clip as the service does; ValueError when the compressor leaves it."""
    target = clip.with_name(f"{time.perf_counter_ns()}-{clip.name}")
    found = await compress(Job(clip, target, _NOW, _NOW, (replace(tier, max_age_days=None),)))
    if not isinstance(found, Compressed):
        raise ValueError(f"{clip.name}: {found.reason}")
    told = {name: float(value) for name, value in _NUMBER.findall(found.settings)}
    target.unlink()
    return Cost(
        shape, int(told["tries"]), int(told["finals"]), told["search"], told["encode"],
        told["gate"], found.seconds,
    )  # fmt: skip


def _alone(clip: Path) -> float:
    """Return the seconds of the same encode as somebody would type it."""
    command = (
        f"{program()} -v error -y -threads 1 -i {clip} -map 0:v:0 -map 0:a -c:v libx265 -preset fast -crf {_CRF} -threads 1"
        " -fps_mode passthrough -x265-params pools=none:frame-threads=1:log-level=error -tag:v hvc1 -c:a copy"
        f" -movflags +faststart {clip.with_suffix('.alone.mp4')}"
    )
    began = time.perf_counter()
    subprocess.run(["nice", "-n", str(_NICE), *command.split()], check=True, stdin=subprocess.DEVNULL)  # fmt: skip
    return time.perf_counter() - began


async def _paced(room: Path, shape: Shape, rounds: int) -> list[tuple[float, float]]:
    """Return the seconds of ffmpeg alone and of the compressor's final encode, round by round."""
    clip = await asyncio.to_thread(changing, room / "pace.mp4", shape)
    return [
        (await asyncio.to_thread(_alone, clip), (await _ours(clip, shape, _FIXED)).encode)
        for _ in range(rounds)
    ]


async def measure(quick: bool) -> str:
    """Return the two tables."""
    pace, shares, rounds = (_QUICK_PACE, _QUICK_SHARES, 1) if quick else (_PACE, _SHARES, _ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        paced = await _paced(room, pace, rounds)
        costs = []
        first = await asyncio.to_thread(changing, room / "first.mp4", shares[0])
        for shape in shares:
            clip = await asyncio.to_thread(repeated, room / f"{shape.seconds:g}.mp4", first, shape.seconds)  # fmt: skip
            costs.append(await _ours(clip, shape, _FIXED if quick else _TIER))
        return _told(pace, paced, costs)


def _told(pace: Shape, paced: list[tuple[float, float]], costs: list[Cost]) -> str:
    ratios = [alone / ours for alone, ours in paced]
    alone, ours = (statistics.median(pace.frames / seconds[n] for seconds in paced) for n in (0, 1))
    ratio = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
    speeds = table(
        ("what", "frames/s", "ratio (round by round)", "goal"),
        [
            ("ffmpeg alone", f"{alone:.1f}", "1", ""),
            ("the compressor's final encode", f"{ours:.1f}", ratio, "at least 0.95"),
        ],
    )
    head = ("clip", "final encode", "search, of the encode", "goal", "gate, of the encode", "the rest: reading, flushing")  # fmt: skip
    load = os.getloadavg()[0]
    return (
        f"{pace.size}, {pace.frames} frames, x265 fast at CRF {_CRF}, one thread, {len(paced)} alternating rounds, medians. "
        f"{os.cpu_count()} cores; load of the machine at the end: {load:.1f}.\n\n{speeds}\n\n"
        f"What comes before and after that encode ({costs[0].shape.size}, tier {_TIER.name} of balanced):\n\n"
        + table(head, [cost.row() for cost in costs])
    )
