"""Measures the compressor's throughput on stills against a plain loop of the same encoder, settings and gate.

The two alternate in one run, so that what else the machine does hurts both; the ratio counts.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.shared.page import table
from services.compressor.encode import Job, compress
from services.compressor.pool.nursery import environment
from services.compressor.tiers.profiles import BALANCED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIER = BALANCED[0]
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ROUNDS, _PICTURES, _SIZE = 5, 16, (3000, 2000)
_QUICK = (1, 4, (1200, 800))


def images(number: int, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Draw pictures with fine and coarse detail; the same ones each time, but for the grain."""
    draw = random.Random(1)  # noqa: S311 - pictures, not secrets
    for _ in range(number):
        x, y = draw.uniform(-2, 0), draw.uniform(-1, 1)
        fractal = Image.effect_mandelbrot(size, (x, y, x + 1.5, y + 1), 60)
        grain = Image.effect_noise((size[0] // 2, size[1] // 2), 40).resize(size)
        slope = Image.linear_gradient("L").resize(size)
        yield Image.merge(
            "RGB", (Image.blend(fractal, slope, 0.5), slope, Image.blend(grain, fractal, 0.3))
        )


def pictures(room: Path, number: int, size: tuple[int, int]) -> list[Path]:
    """Make JPEGs of quality 95."""
    made = []
    for n, image in enumerate(images(number, size)):
        path = room / f"{n}.jpg"
        image.save(path, quality=95, subsampling=2)
        made.append(path)
    return made


async def pipeline(files: Sequence[Path], room: Path, slots: int) -> float:
    """Return the seconds that the compressor takes for the files, `slots` at once: child, limits, hash and fsync included."""
    free = asyncio.Semaphore(slots)

    async def one(path: Path) -> None:
        async with free:
            target = room / f"{time.perf_counter_ns()}-{path.name}"
            await compress(Job(path, target, _NOW, _NOW, (replace(_TIER, max_age_days=None),)))

    began = time.perf_counter()
    await asyncio.gather(*(one(path) for path in files))
    return time.perf_counter() - began


def bare(files: Sequence[Path], processes: int, *options: str) -> float:
    """Return the seconds that plain loops take, the files dealt out to as many processes; the slowest counts."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.compressor.bare", _TIER.name, *options, *map(str, files[n::processes])],
            stdout=subprocess.PIPE, text=True, env=environment(),
        )
        for n in range(processes)
    ]  # fmt: skip
    return max(float(one.communicate()[0]) for one in running)


async def measure(quick: bool) -> str:
    """Return the table."""
    rounds, number, size = _QUICK if quick else (_ROUNDS, _PICTURES, _SIZE)
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        files = await asyncio.to_thread(pictures, room, number, size)
        await pipeline(files[:1], room, 1)  # the first file starts the decoder's parent
        times: dict[str, list[float]] = {"loop": [], "all": [], "one": [], "open": []}
        for _ in range(rounds):
            times["loop"].append(await asyncio.to_thread(bare, files, cores))
            times["all"].append(await pipeline(files, room, cores))
            times["open"].append(await asyncio.to_thread(bare, files, cores, "--no-gate"))
            times["one"].append(await pipeline(files, room, 1))
        return _told(times, sum(path.stat().st_size for path in files), number, size, cores)


def _told(
    times: dict[str, list[float]], size: int, number: int, pixels: tuple[int, int], cores: int
) -> str:
    def speed(name: str) -> str:
        return f"{size / 1e6 / statistics.median(times[name]):.1f}"

    def ratio(over: str, under: str) -> str:
        found = [a / b for a, b in zip(times[over], times[under], strict=True)]
        return f"**{statistics.median(found):.2f}** ({min(found):.2f} to {max(found):.2f})"

    rows = [
        (f"plain loop, {cores} processes", speed("loop"), "1", ""),
        (
            f"compressor, {cores} at once",
            speed("all"),
            ratio("loop", "all"),
            "at least 0.95 of the loop",
        ),
        (
            "compressor, 1 at once",
            speed("one"),
            ratio("one", "all") + " for all against one",
            "at least 1.7",
        ),
        (
            f"plain loop without metadata and gate, {cores} processes",
            speed("open"),
            ratio("loop", "open") + " the time with them",
            "",
        ),
    ]
    load = os.getloadavg()[0]
    head = (
        f"{number} JPEGs of {pixels[0]} x {pixels[1]}, {size / 1e6:.0f} MB, tier {_TIER.name} of balanced, "
        f"{len(times['loop'])} alternating rounds, medians. {cores} cores; load of the machine at the end: {load:.1f}."
    )
    return head + "\n\n" + table(("what", "MB/s", "ratio (round by round)", "goal"), rows)
