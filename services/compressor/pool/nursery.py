"""Holds the process that forks the decoders: started when the first file comes, ended when none has come for a while.

It belongs to no event loop. The zygote gets none of the service's secrets, and ends with the service however that ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import Waiting

_ROOT = Path(__file__).parents[3]
_ZYGOTE = "services.compressor.pool.zygote"
_IDLE_S = 60.0
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "IMAGEIO_FFMPEG_EXE",
)
_ONE_THREAD = {  # one process a core, one thread each; idle threads would also use up the address space
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
}
_KEPT_MEMORY = {  # glibc gives each freed array back to the kernel: that and fetching it anew was a quarter of a score's time
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that it takes
    "MALLOC_TRIM_THRESHOLD_": str(
        1 << 30
    ),  # a job's process ends with its file, and then all goes back
    # Each file has fresh memory: 2 MiB at a time where the kernel may, 2,400 in place of 28,000 page faults a photo.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def environment() -> dict[str, str]:
    """The child decodes hostile bytes: it inherits none of the service's secrets."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | _ONE_THREAD | _KEPT_MEMORY


class NoRoom(Waiting):
    """This machine lets us open no more files or start no more processes: no file is to blame, and a person has to know."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"There was no room for one more encoder: {why}.", attention="no_room", retry_after=10.0
        )


@dataclass(frozen=True, slots=True)
class Line:
    """Our ends of one job: its stdin and stdout, its stderr, and what the zygote says of its life and death."""

    talk: socket.socket
    words: socket.socket
    life: socket.socket

    def close(self) -> None:
        """Hang up, on which the zygote kills the job where it still runs."""
        for one in (self.talk, self.words, self.life):
            one.close()


class Nursery:
    """At most one zygote; made anew when it died, or when the environment has changed since."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._made_with: dict[str, str] = {}
        self._busy = 0
        self._ending: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The zygote's process id while there is one."""
        return self._process.pid if self._process else None

    def bear(self) -> Line:
        """Have a child forked; give it back with `done`. It is not born yet when this returns.

        Raises NoRoom where the system has none for one more; those that are in work go on.
        """
        try:
            line = self._born()
        except OSError as error:
            if not self._busy:
                self.end()
            raise NoRoom(error.strerror or str(error)) from error
        self._busy += 1
        if self._ending:
            self._ending.cancel()
            self._ending = None
        return line

    def done(self, line: Line) -> None:
        """Take note that a job is over; the last one leaves an idle zygote behind that ends by and by."""
        line.close()
        self._busy -= 1
        if not self._busy:
            self._ending = asyncio.get_running_loop().call_later(_IDLE_S, self.end)

    def end(self) -> None:
        """Kill the zygote, and with it every child."""
        if self._control:
            self._control.close()
            self._control = None
        if self._process:
            self._process.kill()  # what it has forked ends with it
            self._process.wait()
            self._process = None

    def _born(self) -> Line:
        try:
            return self._send()
        except ConnectionError:  # it died since the last job, and what it had forked with it
            self.end()
            return self._send()

    def _send(self) -> Line:
        control = self._started()
        with ExitStack() as lost, ExitStack() as passed_on:
            ours: list[socket.socket] = []
            theirs: list[int] = []
            for _ in range(3):
                one, other = socket.socketpair()
                ours.append(lost.enter_context(one))
                theirs.append(passed_on.enter_context(other).fileno())
                one.setblocking(False)
            socket.send_fds(control, [b"job"], theirs)
            lost.pop_all()
        return Line(*ours)

    def _started(self) -> socket.socket:
        now = environment()
        if self._control and (self._process is None or self._process.poll() is not None):
            self.end()
        if self._control and not self._busy and now != self._made_with:
            self.end()
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", _ZYGOTE, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                    cwd=_ROOT, env=now, start_new_session=True,
                )  # fmt: skip
            self._made_with = now
        return self._control
