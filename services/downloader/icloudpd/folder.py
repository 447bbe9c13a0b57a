"""The folder that icloudpd downloads to, photoduct's own: finds whole files there and takes them; it removes none elsewhere.

icloudpd's memory is its folder: what is missing there it downloads again. So a taken file leaves a hollow one of its length
behind, which takes no room on the disk. All methods block.
"""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Final

from services.downloader.icloudpd.found import Shelf, is_hollow, mtime_of
from services.downloader.icloudpd.taking import take_proven
from services.downloader.partial import digest_of
from shared.adapters.local_files import sorted_errors
from shared.domain.errors import Waiting
from shared.ports.files import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from services.downloader.icloudpd.found import Found
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.work_items import DownloadWork

MARKER: Final = ".photoduct-icloudpd"
"""The file by which the folder is known as photoduct's own; it is also the lock of a run."""
_NOTHING: Final = "nothing to take"
"""Stands for the checksum of a file that is hollow or gone."""


class IcloudpdFolder:
    """What icloudpd has left, and what was taken of it."""

    def __init__(self, path: Path, *, free_space_floor: int) -> None:
        self.path = path
        self._floor = free_space_floor
        self._shelf = Shelf(path, MARKER)
        self._turn = threading.Lock()

    @property
    def marker(self) -> Path:
        """Where the marker lies."""
        return self.path / MARKER

    def claim(self) -> None:
        """Make the folder, once; raises Waiting when its disk is away, it holds somebody else's files, or there is no room."""
        if not self.path.parent.is_dir():
            text = f"The folder {self.path.parent} is not there; is its disk mounted?"
            raise Waiting(text, attention="library", retry_after=60)
        with sorted_errors(self.path):
            self.path.mkdir(exist_ok=True)
            if not self.marker.exists():
                self._mark()
        self.check_room()

    def _mark(self) -> None:
        """Somebody's own archive must never become the folder in which files are taken and hollowed out."""
        if any(self.path.iterdir()):
            text = (
                f"{self.path} holds files that photoduct did not put there: name an empty folder in"
                " downloader.icloudpd.folder"
            )
            raise Waiting(text, attention="icloudpd", retry_after=60)
        self.marker.touch(mode=0o644)

    def check_room(self) -> None:
        """Raise DiskFull below the floor: icloudpd itself does not look."""
        with sorted_errors(self.path):
            free = shutil.disk_usage(self.path).free
        if free < self._floor:
            text = f"Less than {self._floor / 1e9:.1f} GB are free on the disk of {self.path}; icloudpd waits until there is room"
            raise DiskFull(text)

    def received_at(self) -> float:
        """Return when a partial file there last grew (seconds of the epoch), 0 when there is none."""
        return max((mtime_of(part) for part in self.path.rglob("*.part")), default=0.0)

    def take(self, work: DownloadWork, part: Path) -> StreamDigest | None:
        """Make `part` the file that the work names, its bytes proven; None when it is not there. One at a time."""
        if (taken := _taken_before(work, part)) is not None:
            return taken
        with self._turn:
            for found in self._shelf.of_size(work.size):
                digest = self._prove(found, work)
                if digest is not None:
                    return take_proven(found, digest, work, part)
        return None

    def _prove(self, found: Found, work: DownloadWork) -> StreamDigest | None:
        """Return the digests of a file of the right size when its bytes are the work's too; each file is read once in vain."""
        known = self._shelf.checksums
        if known.get(found, work.checksum) != work.checksum:
            return None
        if not found.is_still_there() or is_hollow(found.path):
            known[found] = _NOTHING
            return None
        digest = digest_of(found.path)
        known[found] = digest.apple
        return digest if (digest.size, digest.apple) == (work.size, work.checksum) else None

    def doubtful(self, work: DownloadWork) -> tuple[Found, ...]:
        """Return files of the work's moment and type that are not it and could be its torso: icloudpd dates files by the photo."""
        moment, suffix = int(work.created.timestamp()), _suffix(work.path)
        with self._turn:
            shelf = self._shelf.all()
        return tuple(
            found
            for found in shelf
            if int(found.mtime) == moment
            and _suffix(found.path.name) == suffix
            and found.size <= work.size
            and not is_hollow(found.path)
        )

    def discard(self, doubtful: Iterable[Found]) -> None:
        """Remove files from this folder, so that icloudpd fetches them again."""
        for found in doubtful:
            with sorted_errors(found.path):
                found.path.unlink(missing_ok=True)
        self.look_again()

    def look_again(self) -> None:
        """Trust no look that began before now: a run has ended, or files were removed."""
        self._shelf.forget()


def _taken_before(work: DownloadWork, part: Path) -> StreamDigest | None:
    """Return the digests of `part` when it is whole already: photoduct ended just after it was taken."""
    try:
        if part.stat().st_size != work.size:
            return None
    except FileNotFoundError:
        return None
    digest = digest_of(part)
    return digest if digest.apple == work.checksum else None


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].casefold()
