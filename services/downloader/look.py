"""Looks at iCloud: walks the change feed from the recorded token and reports every page; it downloads and deletes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.downloader.pages import Page, Stamp, reports
from shared.domain.errors import PhotoductError
from shared.domain.questions import AskSyncToken, SyncToken
from shared.ports.icloud import ChangePage, Declined, TokenRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.downloader.joining import Joiner
    from services.downloader.ports import AttentionBook, Clock, ReadRecords, State

log = structlog.get_logger(__name__)
LOOK = "icloud-look"
"""The attention record that stands while the last look did not succeed."""


class Look:
    """One look after another; the state service alone remembers how far the last one came."""

    def __init__(
        self,
        *,
        joiner: Joiner,
        records: ReadRecords,
        state: State,
        attention: AttentionBook,
        clock: Clock,
        zone: str,
    ) -> None:
        self._joiner = joiner
        self._records = records
        self._state = state
        self._attention = attention
        self._clock = clock
        self._zone = zone

    async def __call__(self) -> None:
        """Look once; a failure is told to the person and raised, and the next look goes on from where this one came.

        Raises Waiting, Transient, Permanent.
        """
        asked = AskSyncToken(zone=self._zone)
        answer = await self._state.ask("sync_token", asked, SyncToken)  # no failure of iCloud's
        try:
            await self._walk(answer.token or None)
        except PhotoductError as error:
            await self._attention.raised(LOOK, f"Looking at iCloud failed: {error}", by=LOOK)
            raise
        await self._attention.cleared(LOOK, by=LOOK)

    async def _walk(self, token: str | None) -> None:
        try:
            await self._report_from(token)
        except TokenRefused:
            log.warning("iCloud refused the sync token; reading the full history", zone=self._zone)
            await self._report_from(None)

    async def _report_from(self, token: str | None) -> None:
        looked_at, number = self._clock.now(), 0
        self._joiner.begin()
        async for before, page in self._pages(token):
            said = await self._joiner.join(page)
            whole = Page(before, page.token, not page.more, said)
            for report in reports(whole, Stamp(self._zone, looked_at, number)):
                await self._state.say(report)
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
