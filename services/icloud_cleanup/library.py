"""The local files of assets on their way out; it moves them in and out of `delete_pending/`, and removes one only while it may.

Every method blocks, and is done already when its work was done before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.cold_read import cold_sha256
from shared.adapters.finding import both_areas, is_file_of, path_in
from shared.adapters.local_files import sorted_errors, sync_dir
from shared.adapters.moving import move
from shared.domain.errors import Permanent, Transient
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.domain.work_items import FileRef


@dataclass(frozen=True, slots=True)
class Proven:
    """A local file that was read in full just now and holds the bytes that were archived; `stamp` tells when it is touched."""

    path: Path
    stamp: tuple[int, ...]


class Library:
    """The library root; its area folders are made by `photoduct init`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_away(self, file: FileRef) -> None:
        """Move a file from `backup/` to `delete_pending/`; raises Occupied, SourceMissing, Waiting."""
        self._move(file, Area.BACKUP, Area.DELETE_PENDING)

    def bring_back(self, file: FileRef) -> None:
        """Move a file from `delete_pending/` to `backup/`; raises as `put_away`."""
        self._move(file, Area.DELETE_PENDING, Area.BACKUP)

    def examine(self, file: FileRef) -> tuple[Proven, ...]:
        """Read a file in `delete_pending/` and `backup/`, for a move that died may have left it two names; none when it is gone.

        Raises Permanent for other bytes at the named place, whatever their number; what has others in the other area is left.
        """
        named, other = (path_in(self._root, area, file) for area in both_areas(file))
        found = [proven for path in (named, other) if (proven := _proven(path, file))]
        if os.path.lexists(named) and named not in [proven.path for proven in found]:
            raise Permanent(f"{file.area}/{file.path} is not the file that was archived")
        return tuple(found)

    def purge(self, files: tuple[Proven, ...], still_permitted: Callable[[], None]) -> None:
        """Remove what `examine` has proven; raises Transient for what was touched since.

        `still_permitted` is called right before each removal and raises when there must be none any more.
        """
        for proven in files:
            if _stamp(proven.path) != proven.stamp:
                raise Transient(f"{proven.path.name} was touched since it was read; it was left")
            still_permitted()
            _remove(proven.path)

    def _move(self, file: FileRef, source: Area, target: Area) -> None:
        both_areas(file)
        old, new = (path_in(self._root, area, file) for area in (source, target))
        move(old, new, size=file.size, sha256=file.sha256)


def _proven(path: Path, file: FileRef) -> Proven | None:
    """Read it past the page cache, and only where its length is right already."""
    if not is_file_of(path, file):
        return None
    stamp = _stamp(path)
    right = cold_sha256(path).sha256 == file.sha256
    return Proven(path, stamp) if right else None


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when the name leads to other bytes; nothing when it leads nowhere."""
    with sorted_errors(path):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _remove(path: Path) -> None:
    with sorted_errors(path):
        path.unlink()
        sync_dir(path.parent)
