"""Reads from /proc what processes cost and which connections they have; it changes nothing."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ESTABLISHED: Final = "01"


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of one program, its descendants included."""

    peak_rss: float
    """The kernel's own high-water mark (VmHWM), summed over the processes."""
    pss: float
    """The proportional set size now."""


def family(pid: int) -> list[int]:
    """Return a process and its descendants; none when it has ended."""
    found: list[int] = []
    with suppress(OSError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found.append(pid)
        for task in tasks:
            with suppress(OSError):
                children = (task / "children").read_text().split()
                found += [one for child in children for one in family(int(child))]
    return found


def processor_seconds(pids: Iterable[int]) -> float:
    """Return the processor time that these processes and those of their children that have ended have used."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(word) for word in words[11:15])
    return total / _TICKS


def processor_of(programs: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds of each program so far, by name."""
    return {name: processor_seconds(family(pid)) for name, pid in programs.items()}


def memory(pid: int) -> Memory:
    """Return what a program's processes hold; zeros when they have ended."""
    peak = pss = 0.0
    for one in family(pid):
        with suppress(OSError):
            status = Path(f"/proc/{one}/status").read_text()
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            peak += _kilobytes("VmHWM", status)
            pss += _kilobytes("Pss", rollup)
    return Memory(peak / 1000, pss / 1000)


def connections(pid: int, port: int) -> int:
    """Count the established connections of a process to a port of this machine."""
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            own.add(str(descriptor.readlink()))
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    there = f":{port:04X}"
    return sum(
        row[2].endswith(there) and row[3] == _ESTABLISHED and f"socket:[{row[9]}]" in own
        for row in rows
    )


def larger(one: Memory, other: Memory) -> Memory:
    """Return the larger of each number."""
    return Memory(max(one.peak_rss, other.peak_rss), max(one.pss, other.pss))


def _kilobytes(name: str, text: str) -> float:
    """Return a line's number in thousands of bytes; the kernel's kB are 1,024."""
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1.024 if found else 0.0
