"""Finds the original that a rendition is made from: in the library, or in the archive once its local file is gone; reads only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.adapters.finding import find_file
from shared.adapters.local_files import resolve_beneath, sorted_errors
from shared.ports.files import SourceMissing, WrongHash

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.events import FileWork


def find_original(library: Path, archive: Path | None, work: FileWork) -> Path:
    """Return where it lies; blocks. Raises as `find_file`, and WrongHash for other bytes in the archive."""
    if work.local:
        return find_file(library, work.file)
    if archive is None or work.nas_path is None:
        raise SourceMissing(f"{work.file.path} is not in the library any more.")
    if not (archive / work.nas_path).is_file():
        raise SourceMissing(
            f"{work.nas_path} is not in {archive}; is the archive mounted for the compressor, too?"
        )
    path = resolve_beneath(archive, work.nas_path)
    with sorted_errors(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != work.file.sha256:
        raise WrongHash(f"{work.nas_path} in the archive does not hold the original.")
    return path
