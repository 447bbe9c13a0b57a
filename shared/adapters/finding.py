"""Finds a local file where it really lies: a late or cancelled album task may have moved it; it looks and changes nothing."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from shared.adapters.local_files import resolve_beneath, sorted_errors
from shared.domain.errors import Permanent, Waiting
from shared.domain.ids import Area
from shared.ports.files import SourceMissing

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.work_items import FileRef

_OTHER = {Area.BACKUP: Area.DELETE_PENDING, Area.DELETE_PENDING: Area.BACKUP}


def find_file(library: Path, file: FileRef) -> Path:
    """Return where the file lies: the area that is named first, then the other one; told by existence and size.

    Raises SourceMissing, UnsafePath, Waiting while the named area is not there.
    """
    named, other = both_areas(file)
    places = [path_in(library, named, file)]
    if (library / other).is_dir():
        places.append(path_in(library, other, file))
    for path in places:
        if is_file_of(path, file):
            return path
    raise SourceMissing(f"{file.path} of {file.size} bytes is neither in {named}/ nor in {other}/.")


def both_areas(file: FileRef) -> tuple[Area, Area]:
    """Return the area that the file is said to be in and the one where it may be instead; raises Permanent for any other."""
    if file.area not in _OTHER:
        raise Permanent(f"{file.path} is said to be in {file.area}/, where no finished file lies")
    return file.area, _OTHER[file.area]


def path_in(library: Path, area: Area, file: FileRef) -> Path:
    """Return where the file would lie in an area; raises UnsafePath, Waiting while that folder is not there."""
    folder = library / area
    if not folder.is_dir():  # an unmounted disk must not look like files that are gone
        raise Waiting(
            f"The library folder {folder} is not there; is its disk mounted?",
            attention="library",
            retry_after=60,
        )
    return resolve_beneath(folder, file.path)


def is_file_of(path: Path, file: FileRef) -> bool:
    """Say whether a plain file of the right size lies at `path`."""
    with sorted_errors(path):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return False
    return stat.S_ISREG(found.st_mode) and found.st_size == file.size
