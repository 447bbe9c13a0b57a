"""`./photoduct demo [--photos DIR]`: reads the command line, plays the demo, leaves with its verdict."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console

from simulators.demo.ending import STOPPED, Ending
from simulators.demo.folder import Refused
from simulators.demo.play import Wish, play

REFUSED: Final = 2


def main() -> int:
    """Run the demo; 0 when nothing is missing."""
    parser = argparse.ArgumentParser(prog="photoduct demo", description=__doc__)
    parser.add_argument("--photos", type=Path, help="a folder of your own photos; never changed")
    parser.add_argument("--dir", type=Path, default=Path(".photoduct/demo"), help="where it lives")
    parser.add_argument(
        "--size", choices=("full", "small"), default="full", help="of its own library"
    )
    parser.add_argument("--deadline", type=float, default=600.0, help="seconds until it gives up")
    parser.add_argument("--phone", choices=("auto", "real", "standin"), default="auto")
    told = parser.parse_args()
    if told.photos is not None and not told.photos.is_dir():
        parser.error(f"--photos: {told.photos} is not a folder")
    photos = told.photos.resolve() if told.photos else None
    wish = Wish(told.dir.resolve(), photos, told.size, told.deadline, told.phone)
    ending = Ending()
    ending.listen()
    try:
        return play(wish, Console(), ending)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    except BaseException:
        if not ending.asked:
            raise
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write("Stopped; run it again to start over.\n")
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
