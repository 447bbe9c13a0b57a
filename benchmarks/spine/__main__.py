"""Measures the pipeline's own cost, with no work in any stage; it uses folders and servers of its own only.

python -m benchmarks.spine [--quick] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time

from benchmarks.shared.page import write_into
from benchmarks.spine.rounds import FULL, QUICK, measure_all
from benchmarks.spine.stack import ROOT
from benchmarks.spine.table import MARKERS, tables


async def main() -> None:
    """Measure, print, and write the page when asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/performance.md"
    )
    asked = parser.parse_args()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    begun = time.monotonic()
    made = tables(await measure_all(QUICK if asked.quick else FULL))
    print(f"\n{made}\n\n({time.monotonic() - begun:.0f} s)")
    if asked.write:
        write_into(ROOT / "docs" / "performance.md", made, MARKERS)


if __name__ == "__main__":
    asyncio.run(main())
