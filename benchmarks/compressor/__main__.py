"""Measures what each compression profile saves on a folder of stills, and what it costs; it writes below a temporary folder only.

    python -m benchmarks.compressor FOLDER [--quick]

Every file goes through the compressor's own worker process, once for each tier of each profile.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import statistics
import sys
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.compressor.encode import Job, compress
from services.compressor.kind import kind_of
from services.compressor.policy import Kind
from services.compressor.profiles import PROFILES
from services.compressor.verdict import Compressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.compressor.tiers import Tier

_STILLS = (Kind.JPEG, Kind.HEIC, Kind.PNG)
_SCORE = re.compile(r"score=([\d.]+)")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Row:
    """What one tier made of the files of one kind; bytes, CPU seconds."""

    files: int = 0
    before: int = 0
    after: int = 0
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def line(self, profile: str, tier: str, kind: Kind) -> str:
        """Say it as a line of a table."""
        saved = 1 - self.after / self.before
        scores = (
            f"{min(self.scores):.1f} / {statistics.median(self.scores):.1f}" if self.scores else "-"
        )
        each = self.seconds / self.files
        return f"| {profile} | {tier} | {kind} | {self.files} | {saved:.0%} | {scores} | {each:.1f} |"  # fmt: skip


async def measure(profile: str, tier: Tier, files: Iterable[tuple[Path, Kind]]) -> Iterator[str]:
    """Compress every file by one tier, one after another, and return a line for each kind."""
    rows: dict[Kind, Row] = {}
    with tempfile.TemporaryDirectory() as room:
        for number, (source, kind) in enumerate(files):
            row, began = rows.setdefault(kind, Row()), _spent()
            target = Path(room) / f"{number}{source.suffix}"
            job = Job(source, target, _NOW, _NOW, (replace(tier, max_age_days=None),))
            found = await compress(job)
            size = source.stat().st_size
            row.files, row.before = row.files + 1, row.before + size
            row.after += found.size if isinstance(found, Compressed) else size
            row.seconds += _spent() - began
            if isinstance(found, Compressed):
                row.scores += map(float, _SCORE.findall(found.settings))
    return (rows[kind].line(profile, tier.name, kind) for kind in _STILLS if kind in rows)


def stills(folder: Path) -> list[tuple[Path, Kind]]:
    """Return the JPEG, HEIC and PNG files below a folder, by content."""
    found = ((path, kind_of(path)) for path in sorted(folder.rglob("*")) if path.is_file())
    return [(path, kind) for path, kind in found if kind in _STILLS]


def _spent() -> float:
    """Return the CPU seconds of all workers so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _all(files: list[tuple[Path, Kind]], *, quick: bool) -> None:
    say = sys.stdout.write
    say("| profile | tier | kind | files | saved | score, least / median | CPU s a file |\n")
    say("| --- | --- | --- | --- | --- | --- | --- |\n")
    for profile, tiers in PROFILES.items():
        for tier in tiers[:1] if quick else tiers:
            for line in await measure(profile, tier, files[:2] if quick else files):
                say(f"{line}\n")
                sys.stdout.flush()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    say(f"\nLargest worker: {peak:.0f} MiB.\n")


def main() -> int:
    """Print the table; 2 with one sentence for a folder without stills."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compressor", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="two files, the first tiers only")
    options = parser.parse_args()
    files = stills(options.folder.absolute())
    if not files:
        sys.stderr.write(f"{options.folder}: expected a folder with JPEG, HEIC or PNG files.\n")
        return 2
    asyncio.run(_all(files, quick=options.quick))
    return 0


if __name__ == "__main__":
    sys.exit(main())
