"""Shows one file to the phone by a hardlink in the shared folder; it can neither change the file nor touch the phone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from services.pixel_sync.policy import Refused, google_accepts
from shared.adapters.finding import find_file
from shared.adapters.local_files import hardlink, make_parents, resolve_beneath
from shared.domain.errors import PhotoductError
from shared.domain.events import GoogleRefused, Staged
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.pixel_sync.ports import PhonePort
    from services.pixel_sync.window import Window
    from shared.domain.events import Report
    from shared.domain.work_items import FileRef, FileWork
    from shared.ports.clock import Clock


class Stage:
    """The stage `pixel`: refused by Google's own limits, or linked, scanned and staged."""

    def __init__(self, library: Path, phone: PhonePort, window: Window, clock: Clock) -> None:
        self._library, self._phone, self._window, self._clock = library, phone, window, clock

    async def __call__(self, work: FileWork) -> Sequence[Report]:
        """Stage the file; raises Waiting while the window is full, Transient when Syncthing is away."""
        file = work.file
        verdict = google_accepts(file.path.rpartition("/")[2], file.size)
        if isinstance(verdict, Refused):
            return [work.outcome(GoogleRefused, self._clock.now(), reason=verdict.reason)]
        await asyncio.to_thread(self._window.admit, file.path, file.size)
        try:
            mtime_ns = await asyncio.to_thread(self._link, file)
            await self._phone.scan(file.path)
        except BaseException:
            with suppress(PhotoductError):  # of two errors, the first is told
                self._window.forget(file.path)
            raise
        return [work.outcome(Staged, self._clock.now(), path=file.path, mtime_ns=mtime_ns)]

    def _link(self, file: FileRef) -> int:
        source = find_file(self._library, file)
        target = resolve_beneath(self._library, f"{Area.PIXEL}/{file.path}")
        make_parents(target.parent)
        hardlink(source, target)
        return target.stat().st_mtime_ns
