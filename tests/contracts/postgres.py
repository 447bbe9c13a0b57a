"""A real Postgres for the tests, in a folder of its own: it ends with the process that started it, however that ends."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.adapters.parent_death import DieWith
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "photoduct-pg-"
READY_SECONDS = 60


def programs() -> Path | None:
    """Return the folder with initdb and postgres, or None where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


@dataclass
class Server:
    """One that can be stopped, and started anew at the same address."""

    programs: Path
    directory: Path
    user: str
    port: int

    @property
    def url(self) -> str:
        """Its address, without a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = _start(self.programs, self.directory, self.user, self.port)
        _await(self.programs, self.process, self.port)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)


@contextmanager
def server(programs: Path) -> Iterator[Server]:
    """Start one, as a user other than root."""
    sweep()
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    held = os.open(directory, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    if os.geteuid() == 0:
        shutil.chown(directory, user, user)
    _make(programs, directory, user)
    one = Server(programs, directory, user, free_port())
    try:
        one.start()
        yield one
    finally:
        one.stop()
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


def sweep() -> None:
    """Remove the folders of test runs that were killed: nobody holds their lock any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            held = os.open(folder, os.O_RDONLY)
        except OSError:
            continue  # somebody else's, or just gone
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (folder / "owned").exists():
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(held)


def _make(programs: Path, directory: Path, user: str) -> None:
    as_user = user if os.geteuid() == 0 else None
    data = str(directory / "data")
    subprocess.run(
        [str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "-N"],
        check=True,
        capture_output=True,
        user=as_user,
        cwd=directory,
    )
    (directory / "owned").touch()  # after the lock: who finds it free finds a dead owner


def _start(programs: Path, directory: Path, user: str, port: int) -> subprocess.Popen[bytes]:
    as_user = user if os.geteuid() == 0 else None
    data = str(directory / "data")
    with (directory / "log").open("ab") as log:
        return subprocess.Popen(
            [
                *(str(programs / "postgres"), "-D", data, "-p", str(port), "-k", str(directory)),
                *("-c", "listen_addresses=127.0.0.1", "-F"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=as_user,
            cwd=directory,
            preexec_fn=DieWith(os.getpid()),
        )


def _await(programs: Path, process: subprocess.Popen[bytes], port: int) -> None:
    command = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + READY_SECONDS
    while subprocess.run(command, check=False).returncode != 0:
        assert process.poll() is None, "Postgres did not start"
        assert time.monotonic() < deadline, "Postgres was not ready in time"
        time.sleep(0.05)
