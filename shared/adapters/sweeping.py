"""Removes temp files that a killed process left, by their own names alone; never one that a living one could own, and no other file.

A temp file is dead when nobody has changed it for long, by the clock of its own disk, and nobody holds the lock that its
writer takes. Folders of snapshots and of other programs (`@eaDir`, `#recycle`, hidden ones) and other file systems are left alone.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.adapters.file_syscalls import UNSUPPORTED
from shared.adapters.local_files import sorted_errors
from shared.adapters.publishing import TEMPORARY, temporary_name

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

A_DAY: Final = 86_400.0
_FOREIGN: Final = (".", "@", "#")


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed."""

    files: int = 0
    size: int = 0


def sweep_tree(
    root: Path,
    *,
    older: float = A_DAY,
    own: frozenset[str] = frozenset(),
    names: re.Pattern[str] = TEMPORARY,
) -> Swept:
    """Remove dead temp files anywhere below `root`, those of `publish` or of other `names`; blocks.

    `own`: hidden folders of ours, by name. `older` in seconds. A folder that cannot be read is left. Raises DiskFull, DiskTrouble for a root that cannot be used.
    """
    with sorted_errors(root):
        before, device = _now_of(root) - older, root.stat().st_dev
        return _sweep(_folders(root, device, own), names, before)


def sweep_folder(folder: Path, names: re.Pattern[str], *, older: float = A_DAY) -> Swept:
    """Remove dead files of these names in `folder`, not below; blocks. Their writers have to hold a flock. Errors as of `sweep_tree`."""
    with sorted_errors(folder):
        return _sweep([folder], names, _now_of(folder) - older)


def _now_of(folder: Path) -> float:
    """Return the time that the folder's disk gives to a new file: a NAS may have a clock of its own."""
    probe = temporary_name(folder / "clock")
    fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(fd).st_ctime
    finally:
        os.close(fd)
        probe.unlink(missing_ok=True)


def _folders(root: Path, device: int, own: frozenset[str]) -> Iterator[Path]:
    """Yield `root` and the folders below, following no link and leaving no file system."""
    left = [root]
    while left:
        folder = left.pop()
        yield folder
        with suppress(OSError), os.scandir(folder) as entries:
            left.extend(
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and (entry.name in own or not entry.name.startswith(_FOREIGN))
                and entry.stat(follow_symlinks=False).st_dev == device
            )


def _sweep(folders: Iterator[Path] | list[Path], names: re.Pattern[str], before: float) -> Swept:
    files = size = 0
    for folder in folders:
        for path in _named(folder, names):
            with suppress(OSError):  # of a snapshot, somebody else's, gone: left
                freed = _remove_if_dead(path, before)
                files, size = files + (freed is not None), size + (freed or 0)
    return Swept(files, size)


def _named(folder: Path, names: re.Pattern[str]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if names.fullmatch(entry.name)]
    except OSError:
        return []


def _remove_if_dead(path: Path, before: float) -> int | None:
    """Return the bytes that are free now, None when the file stays."""
    with _locked(path) as found:
        if found is None or not _is_dead(found, before):
            return None
        path.unlink()
        return found.st_size if found.st_nlink == 1 else 0


def _is_dead(found: os.stat_result, before: float) -> bool:
    """Say whether nobody has changed it since; ctime, for mtime may be the photo's."""
    return stat.S_ISREG(found.st_mode) and found.st_ctime < before


@contextmanager
def _locked(path: Path) -> Iterator[os.stat_result | None]:
    """Hold the lock that a writer would hold; None when one does. Where a disk has no locks, age alone decides."""
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield os.fstat(fd) if _lock(fd) else None
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in UNSUPPORTED
    return True
