"""Runs `photoduct up` as a program, and finds and kills everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.demo.scene import Scene

ROOT = Path(__file__).parents[2]
GONE_WITHIN_S = 20.0
_ENDED = {"", "Z", "X"}


@contextmanager
def up(here: Scene) -> Iterator[subprocess.Popen[bytes]]:
    """Run it until the end of the block, which begins when it says that it runs; its output is in `up.log`."""
    command = [sys.executable, "-m", "shared.cli", "--config", str(here.folders.config), "up"]
    path = here.folders.root / "up.log"
    with path.open("wb") as log:
        program = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        while "photoduct runs" not in path.read_text():
            assert program.poll() is None, path.read_text()
            time.sleep(0.02)
        yield program
    finally:
        program.terminate()
        program.wait(GONE_WITHIN_S)


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, and of theirs; who has ended meanwhile has none."""
    found = _children(pid)
    return found + [grandchild for child in found for grandchild in descendants(child)]


def kill_together(pid: int) -> list[int]:
    """Kill a process with all that it started, and wait until they are gone; return whom.

    All are stopped first, so that none sees another die: each before its children, so that it starts no more.
    """
    family = _stopped(pid)
    for one in family:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    deadline = time.monotonic() + GONE_WITHIN_S
    while any(_state(one) not in _ENDED for one in family):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return family


def _stopped(pid: int) -> list[int]:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    while (state := _state(pid)) not in {"T", "t", *_ENDED}:
        time.sleep(0.001)
    if state in _ENDED:
        return []
    return [pid, *(one for child in _children(pid) for one in _stopped(child))]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


def _state(pid: int) -> str:
    """Return the letter by which the kernel tells what a process does, nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
