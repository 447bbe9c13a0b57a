"""Asks CloudKit at the pace that Apple takes: what is slowed down waits and is asked again, and is no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from shared.ports.icloud import RecordsSlowedDown, SlowedDown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from services.downloader.limiter import Limiter
    from services.downloader.ports import ReadRecords, Zones
    from shared.ports.icloud import ChangePage, LookedUp, WholeAsset

_Answer = TypeVar("_Answer")
_WISHES: Final = 5
"""Times that a look-up of which each record wants patience is asked again."""


class PacedRecords:
    """A `ReadRecords` around another."""

    def __init__(self, records: ReadRecords, limiter: Limiter) -> None:
        self._records = records
        self._limiter = limiter

    async def changes(self, token: str | None) -> ChangePage:
        """Return the page of the zone's change feed after `token`; errors as of the reader inside."""
        return await paced(self._limiter, lambda: self._records.changes(token))

    async def lookup(self, names: Iterable[str]) -> LookedUp:
        """Return the records of these names as they are now; errors as of the reader inside.

        Records that want patience again and again have failed: a few bad ones must not keep everything waiting for ever.
        """
        wanted, wishes = tuple(names), 0
        while True:
            try:
                async with self._limiter.turn():
                    return await self._lookup(wanted)
            except RecordsSlowedDown as error:
                wishes += 1
                if wishes == _WISHES:
                    return error.answer
            except SlowedDown:
                continue

    async def _lookup(self, names: tuple[str, ...]) -> LookedUp:
        try:
            return await self._records.lookup(names)
        except RecordsSlowedDown as error:
            if len(names) > 1:
                raise
            return error.answer  # it says nothing of Apple's patience with others

    async def whole(self, asset: str) -> WholeAsset:
        """Return an asset and its master as they are now; errors as of the reader inside."""
        return await paced(self._limiter, lambda: self._records.whole(asset))


class PacedZones:
    """A `Zones` around another."""

    def __init__(self, zones: Zones, limiter: Limiter) -> None:
        self._zones = zones
        self._limiter = limiter
        self._readers: dict[str, PacedRecords] = {}

    async def names(self) -> tuple[str, ...]:
        """Return the zones to look at; errors as of the finder inside."""
        return await paced(self._limiter, self._zones.names)

    def known(self) -> tuple[str, ...]:
        """Return the zones that need no asking."""
        return self._zones.known()

    async def records(self, zone: str) -> PacedRecords:
        """Return the reader of a zone; errors as of the finder inside."""
        if zone not in self._readers:
            found = await paced(self._limiter, lambda: self._zones.records(zone))
            self._readers[zone] = PacedRecords(found, self._limiter)
        return self._readers[zone]


async def paced(limiter: Limiter, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask in a turn of the limiter, again and again while Apple asks for patience."""
    while True:
        try:
            async with limiter.turn():
                return await ask()
        except SlowedDown:
            continue
