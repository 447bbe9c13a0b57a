"""The local files of assets on their way out; it moves them in and out of `delete_pending/` and removes them only there.

Every method blocks, and is done already when its work was done before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.local_files import resolve_beneath, sorted_errors, sync_dir
from shared.adapters.moving import move
from shared.domain.errors import Permanent, Waiting
from shared.domain.ids import Area

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.events import FileRef


class Library:
    """The library root; its area folders are made by `photoduct init`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_away(self, file: FileRef) -> None:
        """Move a file from where it lies to `delete_pending/`; raises Occupied, SourceMissing, Waiting."""
        self._move(file, file.area, Area.DELETE_PENDING)

    def bring_back(self, file: FileRef) -> None:
        """Move a file from `delete_pending/` to `backup/`; raises as `put_away`."""
        self._move(file, Area.DELETE_PENDING, Area.BACKUP)

    def purge(self, file: FileRef) -> None:
        """Remove a file below `delete_pending/`; raises Permanent for any other place or another file."""
        if file.area is not Area.DELETE_PENDING:
            raise Permanent(f"only files below delete_pending/ are removed, not {file.area}/")
        path = self._path(Area.DELETE_PENDING, file)
        with sorted_errors(path):
            if not path.exists():
                return
            if not path.is_file() or path.stat().st_size != file.size:
                raise Permanent(f"delete_pending/{file.path} is not the file that was archived")
            path.unlink()
            sync_dir(path.parent)

    def _move(self, file: FileRef, source: Area, target: Area) -> None:
        old, new = self._path(source, file), self._path(target, file)
        move(old, new, size=file.size, sha256=file.sha256)

    def _path(self, area: Area, file: FileRef) -> Path:
        folder = self._root / area
        if not folder.is_dir():  # an unmounted disk must not look like files that are gone
            raise Waiting(
                f"The library folder {folder} is not there; is its disk mounted?",
                attention="library",
                retry_after=60,
            )
        return resolve_beneath(folder, file.path)
