"""The one way in which bytes land under a name: temp, write, length + hash, fsync, rename, fsync dir; can never replace a file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from shared.adapters import file_syscalls
from shared.adapters.cold_read import cold_sha256
from shared.adapters.local_files import is_one_entry, make_parents, place, sorted_errors, sync_dir
from shared.domain.ids import ByteCount, Sha256
from shared.ports.files import (
    DiskTrouble,
    Occupied,
    Published,
    Source,
    SourceMissing,
    WrongHash,
    WrongLength,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK = 1 << 20
_TRIES = 3
_PREFIX, _SUFFIX = ".photoduct-", ".part"
TEMPORARY: Final = re.compile(r"\.photoduct-[0-9a-f]{16}\.part")
"""The names of temp files, and of nothing else; `sweeping` removes those of killed processes."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _FlushFailed(Exception):
    """The kernel may have dropped dirty pages and marked them clean: this temp file is worthless."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the bytes have to be, as far as the caller knows."""

    size: int | None
    sha256: str | None
    mtime: float | None

    def check_length(self, size: int, path: Path, *, whole: bool) -> None:
        """Raise WrongLength when `size` is more than promised, or, of the `whole`, less."""
        if self.size is not None and (size > self.size or (whole and size < self.size)):
            raise WrongLength(f"{path.name} should have {self.size} bytes; its source gave {size}.")

    def check(self, found: Published, path: Path) -> None:
        """Raise WrongLength or WrongHash unless the bytes are as promised."""
        self.check_length(found.size, path, whole=True)
        if self.sha256 is not None and found.sha256 != self.sha256:
            raise WrongHash(
                f"{path.name} should have SHA-256 {self.sha256}; its source gave {found.sha256}."
            )


def publish(
    source: Source,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    mtime: float | None = None,
) -> Published:
    """Make `target` hold exactly the bytes of `source`, durably; blocks, so run it in a thread.

    `size` in bytes and `sha256` (hex) are checked where given; `mtime` is in POSIX seconds. A target that holds
    these very bytes already is success. Raises Occupied when it holds others, WrongLength or WrongHash when the
    source does, DiskFull, DiskTrouble, SourceMissing, or what a source of the caller's own raises; then nothing has landed.
    """
    expected = _Expected(size, sha256, mtime)
    with sorted_errors(target):
        if size is not None and sha256 is not None and _exists(target):
            return already_there(target, Published(target, ByteCount(size), Sha256(sha256)))
        make_parents(target.parent)
    return _publish(source, target, expected)


def _publish(source: Source, target: Path, expected: _Expected) -> Published:
    for _ in range(_TRIES):
        temp = temporary_name(target)
        try:
            return _land(temp, _write(_chunks(source), temp, target, expected))
        except _FlushFailed as error:
            _raise_if_full(error, target)
            if isinstance(source, Iterator) and not hasattr(source, "seek"):
                raise DiskTrouble(
                    f"The disk failed to flush {target}; its source has to start over."
                ) from error
        finally:
            with sorted_errors(target):
                temp.unlink(missing_ok=True)
    raise DiskTrouble(f"The disk failed to flush {target} {_TRIES} times; nothing landed.")


def temporary_name(target: Path) -> Path:
    """Return a new name beside `target`, for bytes that are to land there."""
    return target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")


def _write(chunks: Iterable[bytes], temp: Path, target: Path, expected: _Expected) -> Published:
    """Fill and flush the temp file; return what was written, checked, under the target's name."""
    digest, size = hashlib.sha256(), 0
    with sorted_errors(target):
        fd = os.open(temp, _NEW_FILE, 0o666)
    with suppress(OSError):  # it tells a sweep that somebody is alive; some shares have no locks
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            expected.check_length(size, target, whole=False)
            with sorted_errors(target):  # not around the source, whose errors are its own
                _write_all(fd, chunk)
        found = Published(target, ByteCount(size), Sha256(digest.hexdigest()))
        expected.check(found, target)
        with sorted_errors(target):
            _flush(fd, expected.mtime)
            if os.fstat(fd).st_size != size:
                raise DiskTrouble(f"The disk did not keep all {size} bytes of {target}.")
    finally:
        with sorted_errors(target):  # a network share may tell of its errors here
            os.close(fd)
    return found


def _write_all(fd: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file_syscalls.write(fd, rest) :]


def _flush(fd: int, mtime: float | None) -> None:
    if mtime is not None:
        os.utime(fd, (mtime, mtime))
    try:
        file_syscalls.fsync(fd)
    except OSError as error:
        raise _FlushFailed from error


def _raise_if_full(failed: _FlushFailed, target: Path) -> None:
    """Raise DiskFull for a disk that found out about its lack of room only when it had to flush."""
    cause = failed.__cause__
    if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}:
        with sorted_errors(target):
            raise cause


def _land(temp: Path, found: Published) -> Published:
    """Rename a flushed temp file to its place and flush the name."""
    with sorted_errors(found.path):
        try:
            place(temp, found.path)
        except FileExistsError:
            return already_there(found.path, found)
        sync_dir(found.path.parent)
    return found


def already_there(target: Path, wanted: Published) -> Published:
    """Return `wanted` when the disk holds its bytes at `target`; an earlier try may have died before its last flush."""
    if not target.is_symlink() and target.is_file() and target.stat().st_size == wanted.size:
        make_parents(target.parent)
        if cold_sha256(target).sha256 == wanted.sha256:
            return wanted
    raise Occupied(f"{target} exists with other bytes; it was left as it is.")


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _chunks(source: Source) -> Iterable[bytes]:
    if isinstance(source, Path):
        return _file_chunks(source)
    if hasattr(source, "read"):
        return _reader_chunks(cast("BinaryIO", source))
    return source


def _file_chunks(path: Path) -> Iterator[bytes]:
    with sorted_errors(path), path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _reader_chunks(reader: BinaryIO) -> Iterator[bytes]:
    reader.seek(0)
    while chunk := reader.read(_CHUNK):
        yield chunk


def commit(
    temp: Path,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    mtime: float | None = None,
) -> Published:
    """Publish a finished `temp` (a resumable download on the same file system) by renaming it.

    Done already when `temp` is gone and `target` holds these bytes. Errors as of `publish`; a `temp` that is too
    short is kept for resuming, one with other bytes or a failed flush is removed.
    """
    expected = _Expected(size, sha256, mtime)
    with sorted_errors(target):
        if not _exists(temp):
            return _committed(target, expected)
        make_parents(target.parent)
        found = _flushed(temp, target, expected)
        landed = _land(temp, found)
        if _exists(temp) and not is_one_entry(temp, target):
            temp.unlink()  # the target held the same bytes before
        sync_dir(temp.parent)
        return landed


def _committed(target: Path, expected: _Expected) -> Published:
    if expected.size is None or expected.sha256 is None or not _exists(target):
        raise SourceMissing(f"There is nothing to put at {target}: its partial file is gone.")
    return already_there(
        target, Published(target, ByteCount(expected.size), Sha256(expected.sha256))
    )


def _flushed(temp: Path, target: Path, expected: _Expected) -> Published:
    fd = os.open(temp, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _flush(fd, expected.mtime)
    except _FlushFailed as error:
        temp.unlink()
        _raise_if_full(error, target)
        raise DiskTrouble(
            f"The disk failed to flush {temp}; it was removed and has to be fetched again."
        ) from error
    finally:
        os.close(fd)
    return _checked(temp, target, expected)


def _checked(temp: Path, target: Path, expected: _Expected) -> Published:
    digest, size = hashlib.sha256(), 0
    for chunk in _file_chunks(temp):
        digest.update(chunk)
        size += len(chunk)
    found = Published(target, ByteCount(size), Sha256(digest.hexdigest()))
    try:
        expected.check(found, target)
    except WrongHash:
        temp.unlink()  # resuming it could only make it longer
        raise
    return found
