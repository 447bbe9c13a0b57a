"""Backs up the books when it is time, or when a person asks, and tells when the last good backup is too old; it restores nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from services.state.backup import backup, backups, made_at, snapshot
from shared.domain.errors import Transient
from shared.domain.questions import BackupMade, BackupNow
from shared.runtime.rhythm import next_due

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from services.state.desk import Desk
    from services.state.settings import BackupSettings
    from services.state.truth import Truth
    from shared.ports.clock import Clock

log = structlog.get_logger(__name__)
LOOK_SECONDS: Final = 60.0
AGAIN: Final = timedelta(hours=1)
"""How long after a failed backup the next one is tried."""
AHEAD: Final = timedelta(minutes=1)
"""How far a backup's date may lie in the future."""
KEY: Final = "state:backup"


class Backups:
    """When the books are backed up."""

    def __init__(
        self, engine: Engine, folder: Path, settings: BackupSettings, truth: Truth, clock: Clock
    ) -> None:
        self._engine, self._folder, self._settings = engine, folder, settings
        self._truth, self._clock = truth, clock
        self._one = asyncio.Lock()
        self._not_before = datetime.min.replace(tzinfo=UTC)
        self._newest: Path | None = None

    async def run(self, desk: Desk) -> None:
        """Look from time to time, for ever."""
        while True:
            await self.look(desk)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, desk: Desk) -> None:
        """Back up when it is due; a failure is told and tried again an hour later, success takes it back."""
        now = self._clock.now()
        try:
            await asyncio.to_thread(self._look_through, now)  # on a share it may hang, or be gone
            if not self._due(now):
                return
            await self.asked(BackupNow())
        except Exception as error:  # noqa: BLE001 - no failure of a backup may stop the books
            self._not_before = now + AGAIN
            log.warning("The books could not be backed up.", problem=str(error))
            last = self._newest
            since = f"the last good one is {last.name}" if last else "there is none yet"
            text = f"The backup of the books into {self._folder} failed ({error}); {since}."
            await desk.on_writer(self._truth.attend, KEY, text)
        else:
            await desk.on_writer(self._truth.attend, KEY, None)

    def _due(self, now: datetime) -> bool:
        if now < self._not_before:
            return False
        due = self.next_due()
        return due is None or due <= now

    def _look_through(self, now: datetime) -> None:
        """One of a clock that was ahead says nothing about when the next is due."""
        found = (one for one in backups(self._folder) if made_at(one) <= now + AHEAD)
        self._newest = next(found, None)

    def last(self) -> datetime | None:
        """Return when the newest backup was made, as of the last look; None before the first."""
        return made_at(self._newest) if self._newest else None

    def next_due(self) -> datetime | None:
        """Return when the next backup is due by the rhythm; None: now, there is none yet."""
        last = self.last()
        return next_due(self._settings.at, last) if last else None

    async def asked(self, question: BackupNow) -> BackupMade:
        """Make one now, in a thread of its own; Transient when it failed."""
        async with self._one:
            try:
                return BackupMade(path=str(await asyncio.to_thread(self._make, question.target)))
            except Exception as error:
                raise Transient(f"The backup failed: {error}") from error

    def _make(self, target: str | None) -> Path:
        if target is None:
            made = backup(self._engine, self._folder, self._settings.keep, self._clock.now())
            self._newest = made
            return made
        snapshot(self._engine, Path(target))
        return Path(target)
