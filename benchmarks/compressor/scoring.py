"""Measures what judging a megapixel costs, strip by strip as the product does it and by the package's own loop; both say the same.

    python -m benchmarks.compressor.scoring ours|package

is one of the two alone, in a process of its own for its peak of memory, and prints JSON; `python -m benchmarks.compressor score` makes the table.
"""

from __future__ import annotations

import io
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.compressor.stills import images
from benchmarks.shared.page import table
from services.compressor.pool.nursery import environment

if TYPE_CHECKING:
    from collections.abc import Callable

_SIDE, _ROUNDS = 1024, 3
_ROOT = Path(__file__).parents[2]


def _ours(old: Image.Image, new: Image.Image) -> float:
    from services.compressor.stills.metric import ssimulacra2

    return ssimulacra2(old, new)


def _package(old: Image.Image, new: Image.Image) -> float:
    from ssimulacra2 import compute_ssimulacra2  # type: ignore[import-untyped]

    files = []
    for image in (old, new):
        files.append(io.BytesIO())
        image.save(files[-1], "PPM")
        files[-1].seek(0)
    return float(compute_ssimulacra2(*files))


_WAYS: dict[str, Callable[[Image.Image, Image.Image], float]] = {
    "ours": _ours,
    "package": _package,
}


def measure(quick: bool) -> str:
    """Return the table."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in _WAYS}
    for _ in range(1 if quick else _ROUNDS):
        for name, told in found.items():
            command = [sys.executable, "-m", "benchmarks.compressor.scoring", name]
            done = subprocess.run(
                command, cwd=_ROOT, env=environment(), capture_output=True, check=True
            )
            told.append(json.loads(done.stdout))
    middle = {
        name: {what: statistics.median(one[what] for one in told) for what in told[0]}
        for name, told in found.items()
    }
    ours, package = middle["ours"], middle["package"]
    rows = [
        (
            label,
            f"{one['score']:.9f}",
            f"{one['seconds']:.2f}",
            f"**{package['seconds'] / one['seconds']:.1f}**",
            f"{one['memory']:.0f}",
        )
        for label, one in (("strip by strip", ours), ("the package's own loop", package))
    ]
    head = ("way", "score", "CPU s", "times as fast", "memory beyond the pictures, MB")
    return f"{_SIDE} x {_SIDE} pixels, medians of {len(found['ours'])} processes each.\n\n" + table(
        head, rows
    )


def main() -> None:
    """Judge one picture in one way, print its score, CPU seconds and megabytes."""
    (old,) = images(1, (_SIDE, _SIDE))
    out = io.BytesIO()
    old.save(out, "JPEG", quality=80)
    with Image.open(out) as new:
        new.load()
        judge = _WAYS[sys.argv[1]]
        judge(old.crop((0, 0, 64, 64)), new.crop((0, 0, 64, 64)))  # loads what it needs
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        score = judge(old, new)
        seconds = time.process_time() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sys.stdout.write(json.dumps({"score": score, "seconds": seconds, "memory": more}))


if __name__ == "__main__":
    main()
