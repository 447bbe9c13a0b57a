"""Measures the downloader against icloudpd on a simulated iCloud behind an imitated line; it uses folders of its own only.

python -m benchmarks.downloader [first-sync|small-files|nothing-new|memory|storm|all] [--quick] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import time
from typing import TYPE_CHECKING, Final

from benchmarks.downloader import memory, nothing_new, speed, storm, storm_plan, tables
from benchmarks.downloader.product import quiet
from benchmarks.shared.page import Markers, write_into
from benchmarks.spine.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Measurement = Callable[[bool], Awaitable[str]]


async def _first_sync(quick: bool) -> str:
    load = speed.QUICK["first-sync"] if quick else speed.FIRST_SYNC
    return tables.races(await speed.race(load), "90 % of the line")


async def _small_files(quick: bool) -> str:
    load = speed.QUICK["small-files"] if quick else speed.SMALL_FILES
    return tables.races(await speed.race(load), "at least 5 times icloudpd")


async def _nothing_new(quick: bool) -> str:
    size = nothing_new.QUICK if quick else nothing_new.FULL
    return tables.looks(await nothing_new.measure(size))


async def _memory(quick: bool) -> str:
    return tables.memories(await memory.measure(memory.QUICK if quick else memory.FULL))


async def _storm(quick: bool) -> str:
    found = await storm.weather(storm_plan.BRIEF if quick else storm_plan.FULL)
    found.check()
    return tables.storms(found)


MEASUREMENTS: Final[dict[str, Measurement]] = {
    "first-sync": _first_sync,
    "small-files": _small_files,
    "nothing-new": _nothing_new,
    "memory": _memory,
    "storm": _storm,
}
ALL: Final = "all"


def markers(name: str) -> Markers:
    """Return the markers of one measurement's place on the page."""
    return Markers(
        f"<!-- made by python -m benchmarks.downloader {name} -->",
        f"<!-- end of what {name} makes -->",
    )


async def main() -> None:
    """Measure, print, and write the page when asked to, each measurement as it ends."""
    asked = _parser().parse_args()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    quiet(logging.ERROR)
    for name in MEASUREMENTS if asked.what == ALL else (asked.what,):
        begun = time.monotonic()
        made = await MEASUREMENTS[name](asked.quick)
        print(f"\n{name} ({time.monotonic() - begun:.0f} s)\n\n{made}", flush=True)
        if asked.write:
            await asyncio.to_thread(
                write_into, ROOT / "docs" / "performance.md", made, markers(name)
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downloader", description=__doc__)
    parser.add_argument("what", nargs="?", default=ALL, choices=(*MEASUREMENTS, ALL))
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/performance.md"
    )
    return parser


if __name__ == "__main__":
    asyncio.run(main())
