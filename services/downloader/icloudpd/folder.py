"""The folder that icloudpd downloads to, photoduct's own: finds whole files there and takes them; it removes none elsewhere.

icloudpd's memory is its folder: what is missing there it downloads again. So a taken file leaves a hollow one of its length
behind, which takes no room on the disk. All methods block.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final

from services.downloader.icloudpd.found import Found, found_below, is_hollow
from services.downloader.partial import digest_of
from shared.adapters.file_syscalls import UNSUPPORTED
from shared.adapters.local_files import sorted_errors
from shared.domain.errors import Transient, Waiting
from shared.domain.icloud_checksum import StreamDigest
from shared.ports.files import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shared.domain.events import DownloadWork

MARKER: Final = ".photoduct-icloudpd"
"""The file by which the folder is known as photoduct's own; it is also the lock of a run."""
HOLLOW: Final = b"photoduct has taken this file; it is kept elsewhere.\n"
_NOTHING: Final = "nothing to take"
"""Stands for the checksum of a file that is hollow or gone."""
_SMALL: Final = 4096
"""Bytes below which a hollow file saves nothing: such files are copied and stay."""
_FRESH_S: Final = 3.0
_CHUNK: Final = 1 << 20


class IcloudpdFolder:
    """What icloudpd has left, by size; looked at anew when it may have changed."""

    def __init__(self, path: Path, *, free_space_floor: int) -> None:
        self.path = path
        self._floor = free_space_floor
        self._found: tuple[Found, ...] = ()
        self._looked = self._changed = -_FRESH_S
        self._known: dict[Found, str] = {}
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
        parts = self.path.rglob("*.part")
        return max((_mtime(part) for part in parts), default=0.0)

    def take(self, work: DownloadWork, part: Path) -> StreamDigest | None:
        """Make `part` the file that the work names, its bytes proven; None when it is not there. One at a time."""
        with self._turn:
            for found in self._entries():
                if (
                    found.size == work.size
                    and self._known.get(found, work.checksum) == work.checksum
                ):
                    digest = self._try(found, work, part)
                    if digest is not None:
                        return digest
            return None

    def doubtful(self, work: DownloadWork) -> tuple[Found, ...]:
        """Return files of the work's moment and type that are not it and could be its torso: icloudpd dates files by the photo."""
        moment, suffix = int(work.created.timestamp()), _suffix(work.path)
        with self._turn:
            entries = self._entries()
        return tuple(
            found
            for found in entries
            if int(found.mtime) == moment
            and _suffix(found.path.name) == suffix
            and found.size <= work.size
            and not is_hollow(found.path, HOLLOW)
        )

    def discard(self, doubtful: Iterable[Found]) -> None:
        """Remove files from this folder, so that icloudpd fetches them again."""
        for found in doubtful:
            with sorted_errors(found.path):
                found.path.unlink(missing_ok=True)
        self.look_again()

    def look_again(self) -> None:
        """Trust no look that began before now: a run has ended, or files were removed."""
        self._changed = time.monotonic()

    def _entries(self) -> tuple[Found, ...]:
        now = time.monotonic()
        if now - self._looked >= _FRESH_S or self._looked <= self._changed:
            with sorted_errors(self.path):
                self._found = tuple(found_below(self.path, MARKER))
            self._known = {f: self._known[f] for f in self._found if f in self._known}
            self._looked = now
        return self._found

    def _try(self, found: Found, work: DownloadWork, part: Path) -> StreamDigest | None:
        """Take a file of the right size when its bytes are the work's too."""
        if not found.is_still_there() or is_hollow(found.path, HOLLOW):
            self._known[found] = _NOTHING
            return None
        digest = digest_of(found.path)
        self._known[found] = digest.apple
        if (digest.size, digest.apple) != (work.size, work.checksum):
            return None
        if found.size < _SMALL or not _link(found, part):
            digest = _copy(found.path, work, part)
        if found.size >= _SMALL:
            _hollow_out(found)
        return digest


def _link(found: Found, part: Path) -> bool:
    """Give the very file that was read the name `part`; False where no link can be made, or it is another file by now."""
    temp = _beside(part)
    with sorted_errors(part):
        temp.unlink(missing_ok=True)
        try:
            os.link(found.path, temp, follow_symlinks=False)
        except OSError as error:
            if error.errno not in UNSUPPORTED | {errno.EPERM, errno.EXDEV, errno.EMLINK}:
                raise
            return False
        if not found.is_same(temp):
            temp.unlink()
            return False
        temp.replace(part)  # what our own engine had of it is not needed any more
        return True


def _copy(source: Path, work: DownloadWork, part: Path) -> StreamDigest:
    """Copy a file, proving it again on the way; raises Transient, DiskFull, DiskTrouble."""
    temp, digest = _beside(part), StreamDigest()
    with sorted_errors(temp), source.open("rb") as file, temp.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            digest.update(chunk)
    with sorted_errors(temp):
        if (digest.size, digest.apple) != (work.size, work.checksum):
            temp.unlink()
            raise Transient("what icloudpd left was replaced while it was read")
        temp.replace(part)
    return digest


def _beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.new")


def _hollow_out(found: Found) -> None:
    """Put a file of the same length and date, but without contents, into a taken file's place."""
    temp = found.path.with_name(f".{secrets.token_hex(8)}.part")
    with sorted_errors(temp):
        with temp.open("xb") as file:
            file.write(HOLLOW)
            file.truncate(found.size)
        os.utime(temp, (found.mtime, found.mtime))
        temp.replace(found.path)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].casefold()
