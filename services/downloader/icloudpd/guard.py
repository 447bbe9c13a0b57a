"""Runs one command for a parent that may die at any moment; it removes what it wrote for the command, and nothing else.

    python guard.py LOCK SECRETS COMMAND...

Standard input is one JSON object: texts by file name. They lie, readable for nobody else, in a new folder below SECRETS that
the command gets as `--cookie-directory`, as long as the command runs. LOCK is held meanwhile: a second guard ends with 75.
SIGTERM, also from the kernel when the parent dies, ends the command with all that it started.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

BUSY: Final = 75
"""Exit status when another run holds the lock."""
NOT_STARTED: Final = 127
"""Exit status when the command cannot be started."""
_GRACE_S: Final = 2
_PREFIX: Final = "photoduct-icloudpd-"


def main(arguments: Sequence[str]) -> int:
    """Run the command to its end and return its exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until there is somebody to end
    lock, secrets, *command = arguments
    texts = json.loads(sys.stdin.read())
    with Path(lock).open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return BUSY
        _forget_earlier(Path(secrets))
        return _run(command, Path(secrets), texts)


def _forget_earlier(secrets: Path) -> None:
    """Remove what a guard that was killed has left: whoever holds the lock is the only one."""
    for left in secrets.glob(f"{_PREFIX}*"):
        # A context manager's end is the library's own way to remove a tree.
        with suppress(OSError), tempfile.TemporaryDirectory(dir=secrets) as grave:
            left.rename(Path(grave) / "left")


def _run(command: Sequence[str], secrets: Path, texts: Mapping[str, str]) -> int:
    with (
        tempfile.TemporaryDirectory(
            prefix=_PREFIX, dir=secrets, ignore_cleanup_errors=True
        ) as private,
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as room,
    ):
        for name, text in texts.items():
            with _new(Path(private) / name) as file:
                file.write(text)
        environment = {**os.environ, "HOME": private, "TMPDIR": room}
        return _watched([*command, "--cookie-directory", private], room, environment)


def _new(path: Path) -> TextIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


def _watched(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> int:
    """Run the command in a process group of its own, which ends as a whole."""
    try:
        child = subprocess.Popen(  # noqa: S603  (the person's own setting)
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_unblock,
        )
    except OSError as error:
        sys.stdout.write(f"{command[0]} cannot be started: {error.strerror}\n")
        return NOT_STARTED
    _end_with_us(child.pid)
    _unblock()
    try:
        return child.wait()
    finally:
        _end_group(child.pid)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _end_with_us(group: int) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        _signal(group, signal.SIGTERM)
        signal.alarm(_GRACE_S)

    def kill(_number: int, _frame: FrameType | None) -> None:
        _signal(group, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.signal(signal.SIGTERM, stop)


def _end_group(group: int) -> None:
    """End what the command has left behind, before its folders go."""
    until = time.monotonic() + _GRACE_S
    while _signal(group, signal.SIGKILL) and time.monotonic() < until:
        time.sleep(0.02)


def _signal(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
