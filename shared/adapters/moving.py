"""Moves a file to another folder of the same file system; can never replace a file, nor drop the only name of one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from shared.adapters.cold_read import cold_sha256
from shared.adapters.local_files import is_one_entry, make_parents, place, sorted_errors, sync_dir
from shared.adapters.publishing import already_there
from shared.domain.ids import ByteCount, Sha256
from shared.ports.files import Occupied, Published, SourceMissing, UnsafePath, WrongLength

if TYPE_CHECKING:
    from pathlib import Path


def move(source: Path, target: Path, *, size: int, sha256: str) -> Published:
    """Rename `source` to `target`, durably; done already when the source is gone and the target holds these bytes.

    The bytes are checked only where both names exist. Raises Occupied, WrongLength, SourceMissing, CrossDevice.
    """
    wanted = Published(target, ByteCount(size), Sha256(sha256))
    with sorted_errors(target):
        if not os.path.lexists(source):
            return _moved(source, wanted)
        _check(source, size)
        make_parents(target.parent)
        try:
            place(source, target)
        except FileExistsError:
            _drop_twin(source, wanted)
        sync_dir(target.parent)
        sync_dir(source.parent)
    return wanted


def _moved(source: Path, wanted: Published) -> Published:
    if not os.path.lexists(wanted.path):
        raise SourceMissing(f"{source} is gone and is not at {wanted.path} either.")
    return already_there(wanted.path, wanted)


def _check(source: Path, size: int) -> None:
    found = source.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise UnsafePath(f"{source} is not a plain file.")
    if found.st_size != size:
        raise WrongLength(f"{source} has {found.st_size} bytes instead of {size}.")


def _drop_twin(source: Path, wanted: Published) -> None:
    """Finish a move that died between link and unlink, or one whose bytes had arrived before."""
    already_there(wanted.path, wanted)
    if is_one_entry(source, wanted.path):
        return  # moved onto itself, or to itself in other letters on a disk that ignores case
    if cold_sha256(source).sha256 != wanted.sha256:
        raise Occupied(f"{wanted.path} exists, and {source} has other bytes; both were left.")
    source.unlink()
