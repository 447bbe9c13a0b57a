"""The system calls that durability hangs on, one plain function each, so that a fault can be put into any of them; no policy."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_LIBC = ctypes.CDLL(None, use_errno=True)

UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY})
"""What a file system answers that doesn't know a rename flag, an ioctl or the fsync of a directory."""


def fsync(fd: int) -> None:
    """Flush an open file or directory to disk; the only fsync in photoduct."""
    os.fsync(fd)


def write(fd: int, data: memoryview) -> int:
    """Write some of `data` and return how much; may be short."""
    return os.write(fd, data)


def rename_new(source: Path, target: Path) -> None:
    """Rename; FileExistsError when the target exists; an errno of UNSUPPORTED where that can't be asked for."""
    _renameat2(source, target, _RENAME_NOREPLACE)


def exchange_names(one: Path, other: Path) -> None:
    """Let two names swap their files in one step; an errno of UNSUPPORTED where that can't be asked for."""
    _renameat2(one, other, _RENAME_EXCHANGE)


def rename_over(source: Path, target: Path) -> None:
    """Rename and replace; only for `exchanging`, once what is replaced is proven to be elsewhere."""
    source.replace(target)


def _renameat2(source: Path, target: Path, flags: int) -> None:
    call = getattr(_LIBC, "renameat2", None)  # absent from some C libraries
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(source))
    names = (_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target))
    if call(*names, ctypes.c_uint(flags)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(source), None, str(target))
