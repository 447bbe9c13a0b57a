"""What lies in icloudpd's folder: whole files by size and date, links and files under way left out; it changes nothing."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def found_below(folder: Path, marker: str) -> Iterator[Found]:
    """Yield the finished files below a folder; what vanishes meanwhile is left out. Raises OSError for the folder itself."""
    os.stat(folder)  # noqa: PTH116  (os.walk would take a missing folder for an empty one)
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if name == marker or name.endswith(".part"):
                continue
            with suppress(OSError):
                if (found := _found(path)) is not None:
                    yield found


def is_hollow(path: Path, sign: bytes) -> bool:
    """Say whether a file begins with the sign of one that was taken."""
    try:
        with path.open("rb") as file:
            return file.read(len(sign)) == sign
    except OSError:
        return True  # gone, or not to be read: nothing to take


def _found(path: Path) -> Found | None:
    try:
        held = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(held.st_mode):
        return None
    return Found(path, held.st_size, held.st_mtime, held.st_dev, held.st_ino)
