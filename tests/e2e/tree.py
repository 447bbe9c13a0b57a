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

from tests.process_tree import ENDED, alive, children_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def kill_together(pid: int) -> list[int]:
    """Kill a process with all that it started, and wait until they are gone; return whom.

    All are stopped first, so that none sees another die: each before its children, so that it starts no more.
    """
    family = _stopped(pid)
    for one in family:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    deadline = time.monotonic() + GONE_WITHIN_S
    while any(alive(one) for one in family):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return family


def _stopped(pid: int) -> list[int]:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    while (state := state_of(pid)) not in {"T", "t", *ENDED}:
        time.sleep(0.001)
    if state in ENDED:
        return []
    return [pid, *(one for child in children_of(pid) for one in _stopped(child))]
