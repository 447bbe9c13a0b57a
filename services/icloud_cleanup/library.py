"""The local files of assets on their way out; it moves them in and out of `delete_pending/`, and removes one only while it may.

Every method blocks, and is done already when its work was done before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared.adapters.finding import both_areas, is_file_of, path_in
from shared.adapters.local_files import sorted_errors, sync_dir
from shared.adapters.moving import move
from shared.domain.errors import Permanent
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.domain.events import FileRef


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

    def purge(self, file: FileRef, still_permitted: Callable[[], None]) -> None:
        """Remove a file from `delete_pending/` and `backup/`: a move that died may have left it two names.

        `still_permitted` is called right before each removal and raises when there must be none any more.
        Raises Permanent for another file at the named place; another one in the other area is left.
        """
        named, other = (path_in(self._root, area, file) for area in both_areas(file))
        if os.path.lexists(named) and not is_file_of(named, file):
            raise Permanent(f"{file.area}/{file.path} is not the file that was archived")
        for path in (named, other):
            if is_file_of(path, file):
                still_permitted()
                _remove(path)

    def _move(self, file: FileRef, source: Area, target: Area) -> None:
        both_areas(file)
        old, new = (path_in(self._root, area, file) for area in (source, target))
        move(old, new, size=file.size, sha256=file.sha256)


def _remove(path: Path) -> None:
    with sorted_errors(path):
        path.unlink()
        sync_dir(path.parent)
