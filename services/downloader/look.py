"""Looks at iCloud: walks the change feed from the recorded token and reports every page; it downloads and deletes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.downloader.joining import Joiner
from services.downloader.pages import Page, Stamp, reports
from shared.domain.errors import PhotoductError, Waiting
from shared.domain.events import Attention
from shared.domain.questions import AskSyncToken, SyncToken
from shared.ports.icloud import ChangePage, Declined, TokenRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from services.downloader.known import KnownAssets
    from services.downloader.ports import Ask, Clock, ReadRecords, Say

log = structlog.get_logger(__name__)
LOOK = "icloud-look"
_OURS = (LOOK, "icloud-session", "icloud-unreachable", "icloud-slow")


class Look:
    """One look after another; the state service alone remembers how far the last one came."""

    def __init__(
        self,
        records: ReadRecords,
        known: KnownAssets,
        *,
        zone: str,
        say: Say,
        ask: Ask,
        clock: Clock,
    ) -> None:
        self._records = records
        self._known = known
        self._zone = zone
        self._say = say
        self._ask = ask
        self._clock = clock
        self._told: dict[str, str | None] = dict.fromkeys(_OURS, "unknown")

    async def __call__(self) -> None:
        """Look once. A look that fails is told to the person and ends without an error: the next one goes on from there."""
        try:
            await self._walk()
        except PhotoductError as error:
            log.warning("looking at iCloud failed", reason=str(error))
            await self._trouble(error)
        else:
            await self._all_well()

    async def _walk(self) -> None:
        answer = await self._ask("sync_token", AskSyncToken(zone=self._zone), SyncToken)
        try:
            await self._report_from(answer.token or None)
        except TokenRefused:
            log.warning("iCloud refused the sync token; reading the full history", zone=self._zone)
            await self._report_from(None)

    async def _report_from(self, token: str | None) -> None:
        looked_at, joiner = self._clock.now(), Joiner(self._records, self._known, self._zone)
        number = 0
        async for before, page in self._pages(token):
            assets, gone = await joiner.join(page)
            whole = Page(before, page.token, not page.more, assets, gone)
            for report in reports(whole, Stamp(self._zone, looked_at, number)):
                await self._say(report)
            number += 1

    async def _pages(self, token: str | None) -> AsyncIterator[tuple[str | None, ChangePage]]:
        more = True
        while more:
            page = await self._records.changes(token)
            yield token, page
            more = page.more
            if more and page.token == token:
                raise Declined("iCloud's change feed does not move on", code="STUCK")
            token = page.token

    async def _trouble(self, error: PhotoductError) -> None:
        now = self._clock.now()
        await self._tell(LOOK, f"Looking at iCloud failed: {error}", now)
        if isinstance(error, Waiting) and error.attention in _OURS:
            await self._tell(error.attention, str(error), now)

    async def _all_well(self) -> None:
        now = self._clock.now()
        for key in _OURS:
            await self._tell(key, None, now)

    async def _tell(self, key: str, text: str | None, now: datetime) -> None:
        """Raise (`text`) or lower (None) an attention record, once for each change."""
        if self._told[key] == text:
            return
        await self._say(
            Attention(
                id=f"attention:downloader:{key}:{now.isoformat()}",
                at=now,
                key=key,
                text=text or "iCloud can be looked at again",
                raised=text is not None,
            )
        )
        self._told[key] = text
