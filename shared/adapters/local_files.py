"""Moves, links and paths inside one file system; can never replace a file, nor leave the root it is given."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.adapters import file_syscalls
from shared.adapters.file_syscalls import UNSUPPORTED
from shared.ports.files import (
    CrossDevice,
    DiskFull,
    DiskTrouble,
    Occupied,
    Refused,
    SourceMissing,
    UnsafePath,
    Unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePosixPath

    from shared.domain.errors import PhotoductError

_FULL = {errno.ENOSPC: "is full", errno.EDQUOT: "is over its quota", errno.EROFS: "is read-only"}
_REFUSED = {
    errno.ENAMETOOLONG: "the name is too long",
    errno.EILSEQ: "the name has a character it cannot store",
    errno.EFBIG: "the file is larger than it allows",
    errno.EEXIST: "something else has the name of one of its folders",
    errno.ELOOP: "a link lies in the way",
    errno.EISDIR: "a folder has that name",
    errno.ENOTDIR: "a file has the name of one of its folders",
}


@contextmanager
def sorted_errors(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into the photoduct error that says what to do next."""
    try:
        yield
    except OSError as error:
        raise _sort(error, path) from error


def _sort(error: OSError, path: Path) -> PhotoductError:
    code = error.errno or 0
    if code in _FULL:
        return DiskFull(f"The disk of {path.parent} {_FULL[code]}; nothing was lost, work waits.")
    if code in _REFUSED:
        return Refused(f"The disk cannot hold {path}: {_REFUSED[code]}.")
    if code == errno.EXDEV:
        return CrossDevice(f"{path} has to lie on the same file system as its source: {error}.")
    if code == errno.ENOENT:
        return SourceMissing(f"A file that was about to be used is not there: {error}.")
    return DiskTrouble(f"The disk answered with an error at {path}: {error}.")


def sync_path(path: Path, flags: int = 0) -> None:
    """Flush one file or directory; raises OSError, and then its pages can no longer be trusted."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        file_syscalls.fsync(fd)
    finally:
        os.close(fd)


def sync_dir(directory: Path) -> None:
    """Make the names in a directory durable. A disk that failed here has stopped its journal, so a later try fails too."""
    try:
        sync_path(directory, os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in UNSUPPORTED:  # some network and FUSE file systems have no such call
            raise


def make_parents(directory: Path) -> None:
    """Make `directory` and what is missing above it, each name durable before anything is put below."""
    directory.mkdir(parents=True, exist_ok=True)
    found = directory.stat()
    _sync_upwards(directory, found.st_dev, found.st_ino)


@lru_cache(maxsize=4096)
def _sync_upwards(directory: Path, device: int, _inode: int) -> None:
    """Flush the names of `directory` and its ancestors, once a process: an earlier one may have died before it did.

    The device and inode are the key that makes a directory that was made anew be flushed anew.
    """
    parent = directory.parent
    if parent == directory or parent.stat().st_dev != device:
        return
    with suppress(PermissionError):  # above the folders that are ours
        sync_dir(parent)
    above = parent.stat()
    _sync_upwards(parent, above.st_dev, above.st_ino)


def place(temp: Path, target: Path) -> None:
    """Give `temp` the name `target`, never replacing; FileExistsError when it is taken. The caller flushes the names."""
    try:
        file_syscalls.rename_new(temp, target)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _link_over(temp, target)


def _link_over(temp: Path, target: Path) -> None:
    _link(temp, target)
    sync_dir(target.parent)  # the new name has to be durable before the old one goes
    temp.unlink()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in UNSUPPORTED | {errno.EPERM}:
            raise
        raise Unsupported(
            f"The file system of {target.parent} lacks the hard links (or the renaming without"
            " replacing) that a safe placing needs; use another file system or mount option."
        ) from error


def hardlink(source: Path, target: Path) -> None:
    """Give `source` the second name `target`, durably; done already when it has it.

    Raises Occupied for another file at `target`, CrossDevice between two file systems, Unsupported without links.
    """
    with sorted_errors(target):
        make_parents(target.parent)
        try:
            _link(source, target)
        except FileExistsError:
            if not same_file(source, target):
                raise Occupied(f"{target} exists and is another file than {source}.") from None
        sync_dir(target.parent)


def same_file(one: Path, other: Path) -> bool:
    """Say whether two names lead to one regular file, following no symlink."""
    first, second = one.lstat(), other.lstat()
    return stat.S_ISREG(first.st_mode) and os.path.samestat(first, second)


def is_one_entry(source: Path, target: Path) -> bool:
    """Say whether two paths are one entry of one folder, in whatever spelling."""
    if not source.parent.samefile(target.parent):
        return False
    names = {entry.name for entry in source.parent.iterdir()}
    return source.name == target.name or not {source.name, target.name} <= names


def resolve_beneath(root: Path, relative: str | PurePosixPath) -> Path:
    """Return `root/relative` after walking it without following any symlink; the end may not exist yet.

    Raises UnsafePath for an absolute or empty path, `.` and `..`, odd characters, a symlink or a file on the way.
    """
    parts = _parts(str(relative))
    path = root
    with sorted_errors(root):
        root.stat()
        for part in parts[:-1]:
            path = path / part
            if not _is_real(path, stat.S_IFDIR):
                return root.joinpath(*parts)  # nothing exists from here on
        path = path / parts[-1]
        _is_real(path, 0)
    return path


def _parts(relative: str) -> list[str]:
    parts = relative.split("/")
    if any(part in {"", ".", ".."} for part in parts) or any(
        unicodedata.category(char) in {"Cc", "Cs"} for char in relative
    ):
        raise UnsafePath(f"{relative!r} is not a plain path below a folder.")
    return parts


def _is_real(path: Path, kind: int) -> bool:
    """Say whether `path` exists; UnsafePath when it is a symlink or not of the wanted kind (0: any)."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode) or (kind and stat.S_IFMT(mode) != kind):
        raise UnsafePath(f"{path} is not a plain folder or file: links are not followed.")
    return True
