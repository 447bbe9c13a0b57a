"""Puts a rendition in its original's place and retires the original; at no instant are the original's bytes without a name.

    place: original   staged: rendition   retired: -           swap the two names
    place: rendition  staged: original    retired: -           move the staged one to `retired`
    place: rendition  staged: -           retired: original    done

A run that died anywhere is finished by the next one, which finds its row above by what the files hold. A rendition of another form has
a name of its own, so that nothing is swapped: the original only has to leave (`retire`).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters import file_syscalls
from shared.adapters.cold_read import hash_at
from shared.adapters.file_syscalls import UNSUPPORTED
from shared.adapters.local_files import hardlink, make_parents, place, sorted_errors, sync_dir
from shared.adapters.publishing import publish
from shared.ports.files import (
    CrossDevice,
    DiskTrouble,
    Occupied,
    SourceMissing,
    Unsupported,
    WrongHash,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.domain.errors import PhotoductError


@dataclass(frozen=True, slots=True)
class _Exchange:
    """The three names and the two contents."""

    original: Path
    rendition: Path
    retired: Path
    original_sha256: str
    rendition_sha256: str


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold back every other worker that exchanges in this folder; where it can't be locked, the exchange's own checks are left."""
    fd = -1
    try:
        with suppress(
            OSError
        ):  # no such folder: nothing to exchange; some network shares lock no folders
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        if fd >= 0:
            os.close(fd)


def exchange(
    original: Path,
    rendition: Path,
    retired: Path,
    *,
    original_sha256: str,
    rendition_sha256: str,
) -> None:
    """Let `original` hold the rendition's bytes and `retired` the original's; `rendition` (published beside) goes.

    Call it again after any failure or death. Raises WrongHash when a file holds neither, Occupied when `retired`
    holds others, SourceMissing, CrossDevice, DiskFull, DiskTrouble; then the original has at least one of its names.
    """
    names = _Exchange(original, rendition, retired, original_sha256, rendition_sha256)
    with sorted_errors(original):
        _check_names(names)
        held = hash_at(original)
        if held == original_sha256:
            _swap(names)
        elif held != rendition_sha256:
            raise _unexpected(original, held)
        else:
            _retire(names)


def retire(original: Path, retired: Path, *, original_sha256: str) -> None:
    """Move the original, whose rendition lies under another name, to `retired`; done already when it is there.

    Call it again after any failure or death. Raises as `exchange`; then the original has at least one of its names.
    """
    with sorted_errors(original):
        make_parents(retired.parent)
        if original.parent.stat().st_dev != retired.parent.stat().st_dev:
            raise CrossDevice(f"{original} and {retired} lie on different file systems.")
        held, kept = hash_at(original), hash_at(retired)
        if kept is None:
            if held != original_sha256:
                raise _unexpected(original, held)
            place(original, retired)
        elif kept != original_sha256:
            raise Occupied(f"{retired} exists with other bytes; {original} stays.")
        elif held == original_sha256:
            original.unlink()  # read back just now: it has its other name
        elif held is not None:
            raise _unexpected(original, held)
        sync_dir(retired.parent)
        sync_dir(original.parent)


def supersede(place: Path, staged: Path, former_sha256: str, rendition_sha256: str) -> None:
    """Let `place` hold a new rendition in the stead of a former one, which goes; `staged` is where the new one was published.

        place: former     staged: rendition   swap the two names
        place: rendition  staged: former      drop the staged one
        place: rendition  staged: -           done

    Only for renditions, and only once the original was proven elsewhere. Call it again after any failure or death.
    Raises WrongHash when a file holds other bytes (the person's own, perhaps), and leaves them; SourceMissing, DiskTrouble.
    """
    if former_sha256 == rendition_sha256:
        raise WrongHash(f"The new rendition of {place} has the bytes of the former one.")
    with sorted_errors(place):
        seen = place.lstat()
        held, aside = hash_at(place), hash_at(staged)
        if held == former_sha256 and aside == rendition_sha256:
            _swap_renditions(place, staged, former_sha256, seen)
        elif held != rendition_sha256 or aside not in {None, former_sha256}:
            raise _unexpected(place, held)
        staged.unlink(missing_ok=True)
        sync_dir(place.parent)


def _swap_renditions(place: Path, staged: Path, former_sha256: str, seen: os.stat_result) -> None:
    try:
        file_syscalls.exchange_names(place, staged)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if _changed(place, seen):
            raise DiskTrouble(f"{place} changed while its rendition was renewed.") from error
        file_syscalls.rename_over(staged, place)
        return
    sync_dir(place.parent)
    if hash_at(staged) != former_sha256:
        file_syscalls.exchange_names(place, staged)
        raise DiskTrouble(f"{place} changed while its rendition was renewed; it was put back.")


def _check_names(names: _Exchange) -> None:
    if names.original_sha256 == names.rendition_sha256:
        raise WrongHash(f"The rendition of {names.original} has the bytes of its original.")
    make_parents(names.retired.parent)
    folders = (names.original.parent, names.rendition.parent, names.retired.parent)
    if len({folder.stat().st_dev for folder in folders}) != 1:
        raise CrossDevice(f"{names.original} and {names.retired} lie on different file systems.")


def _unexpected(path: Path, held: str | None) -> PhotoductError:
    if held is None:
        return SourceMissing(f"{path} is not there.")
    return WrongHash(f"{path} holds neither the original nor the rendition.")


def _swap(names: _Exchange) -> None:
    """Go on from: the original is at its place."""
    seen = names.original.lstat()
    staged, kept = hash_at(names.rendition), hash_at(names.retired)
    if staged != names.rendition_sha256:
        raise _unexpected(names.rendition, staged)
    if kept not in {None, names.original_sha256}:
        raise Occupied(f"{names.retired} exists with other bytes; nothing was exchanged.")
    try:
        file_syscalls.exchange_names(names.original, names.rendition)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _keep_then_replace(names, seen)
    else:
        sync_dir(names.original.parent)
        _retire(names)


def _retire(names: _Exchange) -> None:
    """Go on from: the rendition is at its place, so the original is staged or retired or both."""
    staged, kept = hash_at(names.rendition), hash_at(names.retired)
    if kept is None:
        if staged != names.original_sha256:
            raise _unexpected(names.rendition, staged)
        place(names.rendition, names.retired)
    elif kept != names.original_sha256:
        raise Occupied(
            f"{names.retired} exists with other bytes; the original is {names.rendition}."
        )
    elif staged not in {None, names.original_sha256, names.rendition_sha256}:
        raise _unexpected(names.rendition, staged)
    elif staged is not None:
        names.rendition.unlink()  # read back just now: the original has its other name
    sync_dir(names.retired.parent)
    sync_dir(names.rendition.parent)


def _keep_then_replace(names: _Exchange, seen: os.stat_result) -> None:
    """Do the same where names can't be swapped: a second name (or a copy) first, proven, and only then replace."""
    try:
        hardlink(names.original, names.retired)
    except (Occupied, Unsupported):  # a copy from an earlier try, or no hard links here
        publish(names.original, names.retired, size=seen.st_size, sha256=names.original_sha256)
    if hash_at(names.retired) != names.original_sha256 or _changed(names.original, seen):
        raise DiskTrouble(f"{names.original} changed while it was being retired; it was left.")
    file_syscalls.rename_over(names.rendition, names.original)
    sync_dir(names.original.parent)
    sync_dir(names.rendition.parent)


def _changed(path: Path, seen: os.stat_result) -> bool:
    return not is_same(path.lstat(), seen)


def is_same(now: os.stat_result, seen: os.stat_result) -> bool:
    """Say whether a name leads to the very file that was seen, untouched."""
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (
        seen.st_ino,
        seen.st_size,
        seen.st_mtime_ns,
    )
