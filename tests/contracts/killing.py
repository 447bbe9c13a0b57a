"""Does an act on the books in a process that is killed (SIGKILL) at a chosen moment of it.

A moment is a commit, a flush or a change of a name on the disk, and some statement of many to a database. `python -m tests.contracts.killing` is
the process that forks them: it imports nothing anew, and has no threads.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import event
from sqlalchemy.engine import Engine

from services.state.backup import backup
from services.state.database import connect
from services.state.owner import IN_USE
from services.state.restoring import restore
from services.state.tools import migrate
from shared.adapters import file_syscalls
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY = 150
"""Of so many statements one is a moment: those of a transaction are lost together, whichever was the last."""
_ON_DISK = {"os.rename", "os.remove", "os.link", "sqlite3.connect"}


class Killer:
    """Asks that process."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contracts.killing"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout
        self._process.stdout.close()

    def gets_through(self, act: str, *arguments: str, at: int) -> bool:
        """Kill the act at its moment `at`, counted from 1, never at 0; say whether it had fewer. Another end fails the test."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"act": act, "arguments": arguments, "at": at}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status, said = json.loads(self._process.stdout.readline())
        assert status in {0, -signal.SIGKILL}, said
        return bool(status == 0)


def _backup(url: str, folder: str, now: str) -> None:
    engine = connect(url)
    backup(engine, Path(folder), 14, datetime.fromisoformat(now))
    engine.dispose()


def _restore(file: str, url: str, now: str) -> None:
    restore(Path(file), url, datetime.fromisoformat(now))


def _migrate(source: str, target: str) -> None:
    while True:
        try:
            migrate(source, target)
        except Fatal as error:  # the server has not noticed yet that the one before was killed
            if str(error) != IN_USE:
                raise
        else:
            return


ACTS: dict[str, Callable[..., None]] = {
    "backup": _backup,
    "restore": _restore,
    "migrate": _migrate,
}


def _arm(at: int) -> None:
    """Let this process end itself before its moment `at`."""
    left = at

    def moment(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            moment()
            return call(*arguments)

        return wrapped

    statements = count(1)

    def statement(*_: object) -> None:
        if next(statements) % _MANY == 0:
            moment()

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", moment)
    file_syscalls.rename_new = before(file_syscalls.rename_new)
    file_syscalls.fsync = before(file_syscalls.fsync)
    sys.addaudithook(lambda name, _: moment() if name in _ON_DISK else None)


def _forked(asked: dict[str, Any]) -> tuple[int, str]:
    """Return how the act ended: its exit status, below 0 for a signal, and its last words."""
    heard, told = os.pipe()
    if (child := os.fork()) == 0:
        status = 1
        try:
            _arm(asked["at"])
            ACTS[asked["act"]](*asked["arguments"])
            status = 0
        except BaseException as error:  # noqa: BLE001 - told to the test
            os.write(told, repr(error).encode()[:4000])
        finally:
            os._exit(status)
    os.close(told)
    _, status = os.waitpid(child, 0)
    with os.fdopen(heard, "rb") as words:
        return os.waitstatus_to_exitcode(status), words.read().decode()


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()
