"""The demo's own folder: held by one demo at a time and emptied by it; any other folder is refused and left alone."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.demo.configuration import Folders

MARK = ".photoduct-demo"
"""Says that the folder is a demo's; locked, with the process id in it, as long as one runs there."""


class Refused(Exception):
    """The demo does not start; nothing was touched, and the text says what to do."""


@contextmanager
def claimed(folders: Folders) -> Iterator[None]:
    """Hold the folder for this demo; Refused when another demo runs there, or it is not a demo's."""
    try:
        _check(folders.root)
        folders.root.mkdir(parents=True, exist_ok=True)
        mark = (folders.root / MARK).open("a+")
    except OSError as error:
        raise Refused(_unusable(folders.root, error)) from error
    with mark:
        _lock(mark, folders.root)
        yield


def fresh_folder(folders: Folders) -> None:
    """Empty the demo's own folder of an earlier run; Refused for any other that is not empty."""
    _check(folders.root)
    try:
        folders.root.mkdir(parents=True, exist_ok=True)
        (folders.root / MARK).touch()
        for path in folders.root.iterdir():
            _remove(path)
        for folder in (folders.data, folders.nas, *(folders.media / area for area in Area)):
            folder.mkdir(parents=True)
    except OSError as error:
        raise Refused(_unusable(folders.root, error)) from error


def check_apart(root: Path, photos: Path) -> None:
    """Refused when the demo would empty the folder of the photos, or take its own files for photos."""
    if root.is_relative_to(photos) or photos.is_relative_to(root):
        raise Refused(f"{photos} and the demo's folder {root} overlap; choose another with --dir.")


def give_home(folders: Folders) -> None:
    """Give the demo's programs a home folder where the environment names none: Syncthing needs one."""
    if not os.environ.get("HOME"):
        home = folders.root / "home"
        home.mkdir()
        os.environ["HOME"] = str(home)


def _check(root: Path) -> None:
    if root.exists() and any(root.iterdir()) and not (root / MARK).is_file():
        raise Refused(f"{root} is not empty and not a demo's folder; choose another with --dir.")


def _lock(mark: TextIO, root: Path) -> None:
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        mark.seek(0)
        who = mark.read(20).strip() or "unknown"
        raise Refused(
            f"A demo runs already in {root} (process {who}); stop it, or choose another with --dir."
        ) from None
    mark.truncate(0)
    mark.write(f"{os.getpid()}\n")
    mark.flush()


def _remove(path: Path) -> None:
    if path.name == MARK:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unusable(root: Path, error: OSError) -> str:
    return f"The demo cannot use {root}: {error.strerror}; choose another folder with --dir."
