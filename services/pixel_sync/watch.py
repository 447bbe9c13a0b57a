"""Watches what the phone does with the files it was shown, and reports it as evidence; it judges by the policy alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.pixel_sync.policy import Advance, Known, Rules, Sight, Stay, Suspect, evidence
from services.pixel_sync.ports import Freed, Held, StagedFile
from shared.domain import questions
from shared.domain.events import GoogleEvidence, GoogleSuspect, Unstaged
from shared.domain.ids import GoogleLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.pixel_sync.policy import Step
    from services.pixel_sync.ports import Holding, PhonePort
    from services.pixel_sync.window import Window
    from shared.domain.events import Report
    from shared.domain.questions import WatchedFile
    from shared.ports.bus import Ask, Say
    from shared.ports.clock import Clock


class Watch:
    """Looks at the phone again and again."""

    def __init__(
        self, phone: PhonePort, window: Window, say: Say, ask: Ask, clock: Clock, rules: Rules
    ) -> None:
        self._phone, self._window, self._clock = phone, window, clock
        self._say, self._ask, self._rules = say, ask, rules

    async def look(self) -> None:
        """Compare every watched file with the phone, report each step, clear what is freed."""
        files = await self._watched()
        await self._clear([file for file in files if _done(file)])
        open_files = [file for file in files if not _done(file)]
        if open_files:
            await self._report(await self._steps(open_files))

    async def _watched(self) -> list[WatchedFile]:
        found: list[WatchedFile] = []
        while True:
            after = found[-1].media if found else 0
            page = await self._ask(
                "google_watch", questions.AskGoogleWatch(after=after), questions.GoogleWatch
            )
            if not page.files:
                return found
            found.extend(page.files)

    async def _clear(self, files: Sequence[WatchedFile]) -> None:
        """Take links away whose evidence is recorded already; only then may they go."""
        for file in files:
            await asyncio.to_thread(self._window.release, file.path)
            await self._phone.scan(file.path)
            now = self._clock.now()
            key = f"unstaged:{file.media}:{file.mtime_ns}"
            await self._say(Unstaged(id=key, at=now, media=file.media, asset=file.asset))

    async def _steps(self, files: Sequence[WatchedFile]) -> list[Report]:
        freed: Mapping[str, Freed] = await self._phone.freed()
        asked = [file for file in files if file.level is not GoogleLevel.SETTLED]
        holdings = await self._phone.holdings([_staged(file) for file in asked])
        seen = await self._phone.phone_seen()
        on_phone = [f for f in files if f.level.rank >= GoogleLevel.ARRIVED.rank]
        newly = sum(file.path in freed for file in on_phone)
        reports = []
        for file in files:
            holding: Holding = freed.get(file.path) or holdings.get(_staged(file), Held())
            known = Known(file.level, file.level_since)
            step = evidence(known, Sight(holding, seen, newly, len(on_phone)), self._rules)
            if (report := self._as_report(file, step)) is not None:
                reports.append(report)
        return reports

    def _as_report(self, file: WatchedFile, step: Step) -> Report | None:
        now = self._clock.now()
        match step:
            case Advance(level):
                key = f"google:{file.media}:{level}"
                return GoogleEvidence(
                    id=key, at=now, media=file.media, asset=file.asset, level=level
                )
            case Suspect(reason):
                key = f"google:{file.media}:suspect"
                return GoogleSuspect(
                    id=key, at=now, media=file.media, asset=file.asset, reason=reason
                )
            case Stay():
                return None

    async def _report(self, reports: Sequence[Report]) -> None:
        await asyncio.gather(*(self._say(report) for report in reports))


def _done(file: WatchedFile) -> bool:
    return file.suspect or file.level.rank >= GoogleLevel.FREED.rank


def _staged(file: WatchedFile) -> StagedFile:
    return StagedFile(file.path, file.size, file.mtime_ns)
