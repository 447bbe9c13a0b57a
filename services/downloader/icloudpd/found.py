"""What lies in icloudpd's folder: whole files by size and date, links and files under way left out; it changes nothing."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.adapters.local_files import sorted_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLLOW: Final = b"photoduct has taken this file; it is kept elsewhere.\n"
"""How a file begins whose contents were taken."""
_FRESH_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was when it was looked at; equal only while it is the same one, unchanged."""

    path: Path
    size: int
    mtime: float
    device: int
    inode: int

    def is_same(self, path: Path) -> bool:
        """Say whether this very file, unchanged, lies at `path`."""
        return _found(path) == replace(self, path=path)

    def is_still_there(self) -> bool:
        """Say whether nothing has replaced it."""
        return _found(self.path) == self


class Shelf:
    """The files of a folder that can be taken, by size; looked for anew when they may have changed."""

    def __init__(self, folder: Path, marker: str) -> None:
        self.checksums: dict[Found, str] = {}
        """Apple's checksums of those that were read."""
        self._folder = folder
        self._marker = marker
        self._by_size: dict[int, list[Found]] = {}
        self._looked = self._changed = float("-inf")
        self._fresh = 0.0

    def of_size(self, size: int) -> tuple[Found, ...]:
        """Return the files of this many bytes; raises SourceMissing, DiskTrouble."""
        self._look()
        return tuple(self._by_size.get(size, ()))

    def all(self) -> Iterator[Found]:
        """Return every file; raises SourceMissing, DiskTrouble."""
        self._look()
        return chain.from_iterable(list(self._by_size.values()))

    def forget(self) -> None:
        """Trust no look that began before now."""
        self._changed = time.monotonic()

    def _look(self) -> None:
        began = time.monotonic()
        if began - self._looked < self._fresh and self._looked > self._changed:
            return
        by_size: dict[int, list[Found]] = {}
        with sorted_errors(self._folder):
            for found in found_below(self._folder, self._marker):
                by_size.setdefault(found.size, []).append(found)
        there = {found for same in by_size.values() for found in same}
        self.checksums = {f: known for f, known in self.checksums.items() if f in there}
        self._by_size, self._looked = by_size, began
        # A look through a large library may not become all that the machine does.
        self._fresh = max(_FRESH_S, 10 * (time.monotonic() - began))


def found_below(folder: Path, marker: str) -> Iterator[Found]:
    """Yield the finished files below a folder, hollow ones left out; what vanishes meanwhile is too.

    Raises OSError for the folder itself.
    """
    os.stat(folder)  # noqa: PTH116  (os.walk would take a missing folder for an empty one)
    for root, _, names in os.walk(folder):
        for name in names:
            if name != marker and not name.endswith(".part"):
                found = _found(Path(root, name))
                if found is not None and not is_hollow(found.path):
                    yield found


def is_hollow(path: Path) -> bool:
    """Say whether a file is what a taken one has left behind."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(len(HOLLOW)) == HOLLOW
    except OSError:
        return True  # gone, or not to be read: nothing to take


def mtime_of(path: Path) -> float:
    """Return when a file was last written, 0 when it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _found(path: Path) -> Found | None:
    try:
        held = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(held.st_mode):
        return None
    return Found(path, held.st_size, held.st_mtime, held.st_dev, held.st_ino)
