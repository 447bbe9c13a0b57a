"""Starts programs of the benchmark, plain or under strace, and ends them; it never touches one that it did not start."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SYNCS: Final = "trace=fsync,fdatasync"
DELAY_MS: Final = 8
_END_S: Final = 10


@dataclass(frozen=True, slots=True)
class Disk:
    """How a program's fsyncs are treated: words put before its command."""

    label: str
    delay_ms: int = 0
    counts: bool = False

    def before(self, name: str, folder: Path) -> list[str]:
        """Return the words before the command of program `name`; counts go to a file in `folder`."""
        if self.counts:
            return [*_STRACE, "-c", "-o", str(folder / f"{name}.syncs"), "-e", SYNCS]
        if not self.delay_ms:
            return []
        inject = f"inject=fsync,fdatasync:delay_exit={self.delay_ms * 1000}"
        return [*_STRACE, "-o", "/dev/null", "-e", SYNCS, "-e", inject]


_STRACE: Final = ("strace", "-f", "-qq", "--seccomp-bpf")
FAST: Final = Disk("this disk")
SLOW: Final = Disk(f"every fsync +{DELAY_MS} ms", delay_ms=DELAY_MS)
COUNTED: Final = Disk("counted", counts=True)


class Program:
    """One running program; its output goes to `<folder>/<name>.log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        disk: Disk = FAST,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._wrapped = disk.before(name, folder)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrapped, *command],
                stdout=log,
                stderr=log,
                env=env,
                user=user,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The program's own process, not strace's."""
        if not self._wrapped:
            return self._process.pid
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return int(children.split()[0])

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    @property
    def runs(self) -> bool:
        """Say whether it still runs."""
        return self.status is None

    def check(self) -> None:
        """Raise RuntimeError with the end of its log when it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text()[-3000:]}")

    async def stop(self, how: int = signal.SIGTERM) -> None:
        """End it in order, then it and all that it started by force."""
        with suppress(OSError, IndexError):
            self._send(how)
        for _ in range(_END_S * 50):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.02)
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)  # and whom it left behind
        self._process.wait()

    def _send(self, how: int) -> None:
        if self._process.poll() is None:
            os.kill(self.pid, how)


def counted_syncs(folder: Path, name: str) -> int:
    """Read how often a program that has ended under `COUNTED` called fsync or fdatasync."""
    lines = (folder / f"{name}.syncs").read_text().splitlines()
    rows = [re.split(r"\s+", line.strip()) for line in lines]
    return sum(int(row[3]) for row in rows if row[-1] in {"fsync", "fdatasync"})


def memory_mb(pid: int) -> float:
    """Return the proportional set size of a process and its descendants, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    own = int(found[1]) / 1024 if found else 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(memory_mb(int(child)) for child in children)
