"""Looks at one zone: walks its change feed from the recorded token and reports every page; it downloads and deletes nothing.

A record that iCloud does not give for now is owed. The look goes on without it, but no token that lies behind it is
reported: a downloader that dies reads the feed again from there. One that lives remembers how far it came, so that a
record which fails for good costs one look-up a look, blocks nothing, and is never forgotten.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from services.downloader.pages import Page, Stamp, Tokens, reports
from shared.domain.questions import AskSyncToken, SyncToken
from shared.ports.icloud import ChangePage, Declined, TokenRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from services.downloader.joining import Joiner
    from services.downloader.ports import Clock, ReadRecords, State

log = structlog.get_logger(__name__)
_OWED_AT_MOST: Final = 200
"""More records than this do not fail by themselves: something is wrong with iCloud."""
_NAMED: Final = 3
_STANDS_STILL: Final = 5
"""Pages in a row with the same token, mostly empty ones, that are nothing yet."""


@dataclass(frozen=True, slots=True)
class Held:
    """How far this process came while the recorded token stays behind."""

    token: str | None
    """The recorded token."""
    ahead: str | None
    owed: frozenset[str]


def some_of(owed: Collection[str]) -> str:
    """Return a few of the records by name, for the person."""
    few = sorted(owed)[:_NAMED]
    return ", ".join(few) + (", ..." if len(owed) > len(few) else "")


class ZoneLook:
    """One look after another at one zone; the state service alone remembers how far the last one came."""

    def __init__(
        self, *, zone: str, joiner: Joiner, records: ReadRecords, state: State, clock: Clock
    ) -> None:
        self.zone = zone
        self._joiner = joiner
        self._records = records
        self._state = state
        self._clock = clock
        self._held = Held(None, None, frozenset())

    @property
    def owed(self) -> frozenset[str]:
        """Records that iCloud does not give for now."""
        return self._held.owed

    async def __call__(self) -> int:
        """Look once and return how many assets it showed; raises Waiting, Transient, Permanent."""
        asked = AskSyncToken(zone=self.zone)
        token = (await self._state.ask("sync_token", asked, SyncToken)).token or None
        if not self._held.owed or self._held.token != token:
            self._held = Held(token, token, frozenset())
        try:
            return await self._walk()
        except TokenRefused:
            log.warning("iCloud refused the sync token; reading the full history", zone=self.zone)
            self._held = Held(None, None, frozenset())
            return await self._walk()

    async def _walk(self) -> int:
        looked_at, number, assets = self._clock.now(), 0, 0
        self._joiner.begin()
        async with aclosing(self._pages(self._held.ahead)) as pages:
            async for before, page in pages:
                said = await self._joiner.join(page, self._held.owed if number == 0 else ())
                owed = said.owed if number == 0 else self._held.owed | said.owed
                if len(owed) > _OWED_AT_MOST:
                    text = f"iCloud does not give {len(owed)} records ({some_of(owed)})"
                    raise Declined(text, code="LOOKUP")
                then = self._held.token if owed else page.token
                for report in reports(
                    Page(before, not page.more, said),
                    Stamp(self.zone, looked_at, number),
                    Tokens(self._held.token, then),
                ):
                    await self._state.say(report)
                self._held = Held(then, page.token, frozenset(owed))
                number, assets = number + 1, assets + len(said.assets)
        return assets

    async def _pages(
        self, token: str | None
    ) -> AsyncGenerator[tuple[str | None, ChangePage], None]:
        """Yield page after page, asking for each while the one before is reported."""
        asking = asyncio.ensure_future(self._records.changes(token))
        try:
            more, stood_still = True, 0
            while more:
                before, page = token, await asking
                more, token = page.more, page.token
                stood_still = stood_still + 1 if token == before else 0
                if more and stood_still > _STANDS_STILL:
                    raise Declined("iCloud's change feed does not move on", code="STUCK")
                if more:
                    asking = asyncio.ensure_future(self._records.changes(token))
                yield before, page
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
