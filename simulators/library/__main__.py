"""`python -m simulators.library DIR`: makes a demo library in a new folder and says what it holds."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from simulators.library.make import generate


def main() -> int:
    """Reads the command line, makes the library; 2 when the folder already holds one."""
    parser = argparse.ArgumentParser(prog="simulators.library", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", choices=("full", "small"), default="full")
    chosen = parser.parse_args()
    try:
        manifest = generate(chosen.directory, chosen.seed, chosen.size)
    except FileExistsError as exists:
        sys.stderr.write(f"{exists} is there already; choose another folder.\n")
        return 2
    assets = json.loads(manifest.read_text(encoding="utf-8"))["assets"]
    sys.stdout.write(f"{len(assets)} assets in {chosen.directory}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
