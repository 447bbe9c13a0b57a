"""Says how many processor cores this process may use: those it is bound to, as far as its container's limit lets it; it changes nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def usable_cores(root: Path = Path("/")) -> int:
    """Return whole cores, at least one. `root` is where the system's `proc` and `sys` lie."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, int(min([float(bound or 1), *_limits(root)])))


def _limits(root: Path) -> Iterator[float]:
    """Yield the limits of this process' control groups and of those above them, in cores."""
    for place in _groups(root):
        with suppress(OSError, ValueError):  # there is no such file, or it says `max`
            quota, period = (place / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError, ValueError):
            quota, period = (
                (place / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
            if int(quota) > 0:
                yield int(quota) / int(period)


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of control groups, of version 2 and of version 1, from this process' own up to the top."""
    top = root / "sys/fs/cgroup"
    yield from (top, top / "cpu", top / "cpu,cpuacct")
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds in {"", "cpu", "cpu,cpuacct"}:
                own = top / kinds / path.strip("/")
                yield from (own, *(above for above in own.parents if top in above.parents))
