"""Reading a file back from the disk rather than from memory, to prove a copy; never writes a byte."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from contextlib import closing
from typing import TYPE_CHECKING

from shared.adapters import file_syscalls
from shared.adapters.local_files import sorted_errors, sync_dir
from shared.adapters.mounts import mount_of
from shared.domain.ids import ByteCount, Sha256
from shared.ports.files import ColdRead, DiskTrouble

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # never waits on a FIFO


def cold_sha256(path: Path) -> ColdRead:
    """Flush `path` and its name, drop it from the page cache, read it in full and hash it. Blocks; run it in a thread.

    Raises SourceMissing when absent, DiskTrouble when the disk errs or the file changes meanwhile.
    """
    with sorted_errors(path):
        fd = os.open(path, _READ)
        try:
            before = os.fstat(fd)
            grade = mount_of(fd).grade
            _push_out(fd, path)
            digest, size = _hash(fd, path)
            if _changed(before, os.fstat(fd)) or size != before.st_size:
                raise DiskTrouble(f"{path} changed while it was read back.")
        finally:
            os.close(fd)
    return ColdRead(Sha256(digest), ByteCount(size), grade)


def hash_at(path: Path) -> str | None:
    """Return the SHA-256 of what `path` holds on the disk, None where nothing lies there. Blocks; raises as `cold_sha256`."""
    return cold_sha256(path).sha256 if os.path.lexists(path) else None


def _push_out(fd: int, path: Path) -> None:
    file_syscalls.fsync(fd)  # only clean pages can be dropped
    sync_dir(path.parent)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _hash(fd: int, path: Path) -> tuple[str, int]:
    """Hash past the page cache where the file system can (O_DIRECT), else through the emptied cache."""
    try:
        direct = os.open(path, _READ | os.O_DIRECT)
    except OSError as error:
        return _hash_buffered(fd, error)
    try:
        return _hash_open(direct)
    except OSError as error:  # opens, but wants another alignment
        return _hash_buffered(fd, error)
    finally:
        os.close(direct)


def _hash_buffered(fd: int, error: OSError) -> tuple[str, int]:
    if error.errno != errno.EINVAL:
        raise error
    return _hash_open(fd)


def _hash_open(fd: int) -> tuple[str, int]:
    digest, size, end = hashlib.sha256(), 0, os.fstat(fd).st_size
    with closing(mmap.mmap(-1, _CHUNK)) as buffer, memoryview(buffer) as view:  # page-aligned
        while size < end and (count := os.preadv(fd, [view], size)):
            digest.update(view[:count])
            size += count
    return digest.hexdigest(), size


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
