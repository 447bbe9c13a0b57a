"""Finds what a rendition is made from: the original in the library, else in the archive, or, where both are gone, its rendition; reads only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.adapters.finding import find_file
from shared.adapters.local_files import resolve_beneath, sorted_errors
from shared.ports.files import SourceMissing, WrongHash

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.work_items import FileWork


def find_source(library: Path, archive: Path | None, work: FileWork) -> Path:
    """Return where it lies; blocks. Raises as `find_file`, and WrongHash where other bytes lie there."""
    if work.local:
        return _whole(find_file(library, work.file), work.file.sha256)
    if work.from_rendition is not None:
        return _archived(archive, work.file.path, work.from_rendition)
    return _archived(archive, work.nas_path, work.file.sha256)


def _archived(archive: Path | None, relative: str | None, sha256: str) -> Path:
    if archive is None or relative is None:
        raise SourceMissing("Neither the library nor the archive has the file.")
    if not (archive / relative).is_file():
        raise SourceMissing(
            f"{relative} is not in {archive}; is the archive mounted for the compressor, too?"
        )
    return _whole(resolve_beneath(archive, relative), sha256)


def _whole(path: Path, sha256: str) -> Path:
    with sorted_errors(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WrongHash(f"{path} does not hold what was archived.")
    return path
