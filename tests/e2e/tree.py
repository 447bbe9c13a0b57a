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
    from collections.abc import Iterator, Sequence

    from simulators.demo.scene import Scene

ROOT = Path(__file__).parents[2]
GONE_WITHIN_S = 20.0


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
    """Return the ids of a process's children, and of theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            children = [int(word) for word in (task / "children").read_text().split()]
            found += children
    return found + [grandchild for child in found for grandchild in descendants(child)]


def kill_together(pids: Sequence[int]) -> None:
    """Stop all first, so that none sees another die; then kill them, and wait until they are gone."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    deadline = time.monotonic() + GONE_WITHIN_S
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
