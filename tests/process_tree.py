"""Says which processes there are below one, and what they do, as the kernel tells it; it ends none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ENDED = {"", "Z", "X"}
"""States of a process that is gone, or only waits to be reaped."""


def state_of(pid: int) -> str:
    """Return the letter by which the kernel tells what a process does, nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits to be reaped does not."""
    return state_of(pid) not in ENDED


def children_of(pid: int | None) -> list[int]:
    """Return the processes that it has started; none when it is gone."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, and of theirs; who has ended meanwhile has none."""
    found = children_of(pid)
    return found + [grandchild for child in found for grandchild in descendants(child)]
