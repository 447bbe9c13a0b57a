"""Measures the compressor: throughput, memory, what its profiles save, other tools beside it; it writes to folders of its own, and the page when asked to.

python -m benchmarks.compressor stills|score|video|memory [--quick] [--write]
python -m benchmarks.compressor peers|peer-films|forms|hdr|margins [FOLDER] [--quick] [--write]
python -m benchmarks.compressor savings FOLDER [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from benchmarks.compressor import (
    forms,
    hdr,
    margins,
    memory,
    peer_films,
    peers,
    savings,
    scoring,
    stills,
    video,
)
from benchmarks.shared.page import Markers, write_into

_PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MEASUREMENTS = {
    "stills": lambda options: stills.measure(options.quick),
    "score": lambda options: asyncio.to_thread(scoring.measure, options.quick),
    "video": lambda options: video.measure(options.quick),
    "memory": lambda options: memory.measure(options.quick),
    "peers": lambda options: peers.measure(options.quick, options.folder),
    "peer-films": lambda options: peer_films.measure(options.quick, options.folder),
    "forms": lambda options: asyncio.to_thread(forms.measure, options.quick, options.folder),
    "hdr": lambda options: asyncio.to_thread(hdr.measure, options.quick, options.folder),
    "margins": lambda options: asyncio.to_thread(margins.measure, options.quick, options.folder),
}


def markers(name: str) -> Markers:
    """Return the markers of one measurement's place on the page."""
    return Markers(
        f"<!-- made by python -m benchmarks.compressor {name} -->",
        f"<!-- end of what {name} makes -->",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compressor", description=__doc__)
    parser.add_argument("name", choices=[*MEASUREMENTS, "savings"])
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="of stills (savings, peers, forms) or films (peer-films, hdr; margins: longer than 20 s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="shows that it works; no numbers to go by"
    )
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 2 with one sentence for a folder without stills."""
    options = _options()
    if options.name in MEASUREMENTS:
        made = asyncio.run(MEASUREMENTS[options.name](options))
        if options.write:
            write_into(_PAGE, made, markers(options.name))
    else:
        files = savings.stills(options.folder.absolute()) if options.folder else []
        if not files:
            sys.stderr.write(f"{options.folder}: expected a folder with JPEG, HEIC or PNG files.\n")
            return 2
        made = asyncio.run(savings.measure(files, quick=options.quick))
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
