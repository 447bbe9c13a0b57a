"""Measures what each compression profile saves on a folder of stills, and what it costs; it writes below a temporary folder only.

Every file goes through the compressor's own worker process, once for each tier of each profile.
"""

from __future__ import annotations

import re
import resource
import statistics
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.compressor.encode import Job, compress
from services.compressor.kind import kind_of
from services.compressor.tiers.policy import Kind
from services.compressor.tiers.profiles import PROFILES
from services.compressor.verdict import Compressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.compressor.tiers.tier import Tier

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


async def _by(profile: str, tier: Tier, files: Iterable[tuple[Path, Kind]]) -> Iterator[str]:
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


async def measure(files: list[tuple[Path, Kind]], *, quick: bool) -> str:
    """Return the table; `quick`: two files, the first tiers only."""
    lines = [
        "| profile | tier | kind | files | saved | score, least / median | CPU s a file |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for profile, tiers in PROFILES.items():
        for tier in tiers[:1] if quick else tiers:
            lines.extend(await _by(profile, tier, files[:2] if quick else files))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return "\n".join([*lines, f"\nLargest worker: {peak:.0f} MiB."])
