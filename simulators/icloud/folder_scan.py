"""Turns a folder of plain files into assets, pairing what belongs together; it only reads."""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from simulators.icloud.contents import Role
from simulators.icloud.library import (
    AssetSpec,
    LibraryError,
    file_moment,
    instant,
    master_name,
    read_manifest,
    stable_id,
)
from simulators.icloud.media_types import MOVIES, RAWS, read_header
from simulators.icloud.records import Fault

_HEIC = frozenset({".heic", ".heif"})
_PAIRING_STILLS = _HEIC | {".jpg", ".jpeg"}


def read_library(folder: Path) -> list[AssetSpec]:
    """Read a library folder, with or without a manifest; raises LibraryError."""
    if not folder.is_dir():
        raise LibraryError(f"the library folder {folder} does not exist")
    if (folder / "library.json").is_file():
        return read_manifest(folder)
    return [_spec(folder, files) for files in _assets_of(folder)]


def _assets_of(folder: Path) -> Iterator[dict[Role, Path]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: (str(path.parent), path.stem.lower()))
    for _, group in groupby(files, key=lambda path: (path.parent, path.stem.lower())):
        yield from pair(list(group))


def pair(group: list[Path]) -> Iterator[dict[Role, Path]]:
    """Split files of one folder and stem into assets: still + movie, JPEG + RAW."""
    stills = [path for path in group if path.suffix.lower() in _PAIRING_STILLS]
    movie = _first(group, MOVIES) if stills else None
    raw = _first(group, RAWS) if stills else None
    stills.sort(key=lambda path: (path.suffix.lower() not in _HEIC, path.name))
    for place, still in enumerate(stills):
        files: dict[Role, Path] = {"original": still}
        if movie and place == 0:
            files["live"] = movie
        if raw and place == len(stills) - 1:
            files["alternate"] = raw
        yield files
    for path in group:
        if path not in (*stills, movie, raw):
            yield {"original": path}


def _first(group: list[Path], kinds: dict[str, str]) -> Path | None:
    wanted = ".mov" if kinds is MOVIES else None
    fits = (p for p in group if p.suffix.lower() in kinds and wanted in (None, p.suffix.lower()))
    return next(fits, None)


def _spec(folder: Path, files: dict[Role, Path]) -> AssetSpec:
    original = files["original"]
    header = read_header(original)
    created = instant(header.taken, file_moment(original))
    name = stable_id("file", original.relative_to(folder).as_posix())
    return AssetSpec(
        id=name,
        master_id=master_name(f"of {name}"),
        filename=os.fsencode(original.name).decode("utf-8", "replace"),
        created=created,
        added=file_moment(original),
        resources=files,
        fault=_fault(files),
        sides=(header.width, header.height),
    )


def _fault(files: dict[Role, Path]) -> Fault | None:
    try:
        for path in files.values():
            path.open("rb").close()
    except OSError:
        return "unreadable"
    return None
