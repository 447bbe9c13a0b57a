"""Where the downloader's files lie on the local disk, and whether one is there already; every method blocks, none writes."""

from __future__ import annotations

import json
import re
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.downloader.partial import digest_of
from shared.adapters.local_files import resolve_beneath, sorted_errors
from shared.adapters.sweeping import A_DAY, Swept, sweep_folder, sweep_tree
from shared.domain.errors import Waiting
from shared.domain.icloud_records import change_tag, record_checksum
from shared.domain.ids import Area, ByteCount, Resource, Sha256
from shared.ports.files import DiskFull, Occupied, Published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.domain.work_items import DownloadWork

_PART: Final = re.compile(r"[0-9]+\.part")
_FORGOTTEN: Final = 30 * A_DAY
"""A task that waits longer (no sign-in, no room) begins its file anew; one that was given up never comes back for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a file will lie, and the file itself when it lies there already, else where its partial file lies."""

    target: Path
    published: Published | None
    part: Path


class Library:
    """The library root; its area folders are made by `photoduct init`, never here, lest an unmounted disk look like an empty one."""

    def __init__(self, root: Path, *, free_space_floor: int) -> None:
        self._root = root
        self._floor = free_space_floor
        self._coming: dict[Path, int] = {}
        self._turn = threading.Lock()

    def find(self, work: DownloadWork) -> Found:
        """Return what is there; raises UnsafePath, Occupied, DiskFull, Waiting while the library is not there."""
        target = self.target(work)
        published = self.already(work, target)
        if published is not None or work.resource.is_metadata:
            return Found(target, published, target)
        return Found(target, None, self.part(work))

    def target(self, work: DownloadWork) -> Path:
        """Return where the file will lie; raises UnsafePath, Waiting while the library is not there."""
        return resolve_beneath(self._area(Area.BACKUP), work.path)

    def part(self, work: DownloadWork) -> Path:
        """Return the partial file's place, once there is room for it beside all that are coming; raises DiskFull below the floor."""
        folder = self._area(Area.INCOMING)
        path = folder / f"{work.key}.part"  # one of `_PART`
        with self._turn, sorted_errors(path):
            free = shutil.disk_usage(folder).free
            coming = sum(_lacking(*one) for one in self._coming.items() if one[0] != path)
            if free - coming - _lacking(path, work.size) < self._floor:
                raise DiskFull(
                    f"Less than {self._floor / 1e9:.1f} GB would be free on the library's disk;"
                    " downloads wait until there is room"
                )
            self._coming[path] = work.size
        return path

    @contextmanager
    def room(self, part: Path) -> Iterator[None]:
        """Keep the room that `part` promised until the block ends."""
        try:
            yield
        finally:
            with self._turn:
                self._coming.pop(part, None)

    def already(self, work: DownloadWork, target: Path) -> Published | None:
        """Return the file when it lies at `target`, read through and matching; raises Occupied when another does."""
        if work.resource is Resource.SIDECAR or not target.is_file():
            return None  # a sidecar's checksum says nothing about its bytes: they are made anew and compared
        digest = digest_of(target)
        if not (_same_record(work, target) or digest.apple == work.checksum):
            raise Occupied(f"backup/{work.path} exists with other bytes; it was left as it is")
        return Published(target, ByteCount(digest.size), Sha256(digest.sha256))

    def sweep(self) -> Swept:
        """Remove what killed downloads and publishes left: temp files after a day, partial files that nobody took up for a month."""
        incoming, backup = self._area(Area.INCOMING), self._area(Area.BACKUP)
        parts = sweep_folder(incoming, _PART, older=_FORGOTTEN)
        temps = sweep_tree(backup)
        return Swept(parts.files + temps.files, parts.size + temps.size)

    def _area(self, area: Area) -> Path:
        folder = self._root / area
        if not folder.is_dir():
            raise Waiting(
                f"The library folder {folder} is not there; is its disk mounted?",
                attention="library",
                retry_after=60,
            )
        return folder


def _lacking(part: Path, size: int) -> int:
    """Return the bytes that are still to come."""
    try:
        return max(0, size - part.stat().st_size)
    except FileNotFoundError:  # not begun, or just published: both happen beside us
        return size


def _same_record(work: DownloadWork, target: Path) -> bool:
    """Say whether `target` holds the JSON of the wanted version of the asset's records and albums."""
    if work.resource is not Resource.RECORD:
        return False
    try:
        kept = json.loads(target.read_bytes())
        tag = change_tag(kept["asset"], kept["master"])
        return record_checksum(tag, kept.get("albums", ())) == work.checksum
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
