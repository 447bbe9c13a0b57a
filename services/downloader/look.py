"""Looks at iCloud: zone after zone, the person's own first; one that fails does not keep the others from being looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from services.downloader.joining import Joiner
from services.downloader.zone_look import ZoneLook, some_of
from shared.domain.errors import PhotoductError, Waiting
from shared.ports.watching import Unobserved

if TYPE_CHECKING:
    from services.downloader.known import KnownAssets
    from services.downloader.ports import AttentionBook, Clock, State, Zones
    from shared.ports.watching import Observe

log = structlog.get_logger(__name__)
LOOK: Final = "icloud-look"
"""The attention record that stands while the last look failed; what has to be waited for stands under its own name instead."""
OWED: Final = "icloud-records"
"""The attention record that stands while iCloud does not give single records."""
_ZONES: Final = "zones"


class Look:
    """One look after another."""

    def __init__(
        self,
        *,
        zones: Zones,
        known: KnownAssets,
        state: State,
        attention: AttentionBook,
        clock: Clock,
        observe: Observe | None = None,
    ) -> None:
        self._zones = zones
        self._known = known
        self._state = state
        self._attention = attention
        self._clock = clock
        self._observe = observe or Unobserved()
        self._looks: dict[str, ZoneLook] = {}
        self._told_as: dict[str, str] = {}

    async def __call__(self) -> None:
        """Look once; a failure is told to the person and raised, and the next look goes on from where this one came.

        Raises Waiting, Transient, Permanent.
        """
        began, assets = self._clock.now(), 0
        failed: list[PhotoductError] = []
        for zone in await self._names(failed):
            try:
                assets += await self._look_at(zone)
            except PhotoductError as error:
                failed.append(error)
        if failed:  # what has to be waited for is not asked again sooner because of something else
            raise next((error for error in failed if isinstance(error, Waiting)), failed[0])
        self._observe.looked((self._clock.now() - began).total_seconds(), assets)

    async def _names(self, failed: list[PhotoductError]) -> tuple[str, ...]:
        """Return the zones to look at; where iCloud does not list them, those that are known."""
        try:
            names = await self._zones.names()
        except PhotoductError as error:
            failed.append(error)
            await self._told(_ZONES, error)
            return self._zones.known()
        await self._succeeded(_ZONES)
        await self._forget_all_but(names)
        return names

    async def _forget_all_but(self, names: tuple[str, ...]) -> None:
        """Take back what was told of zones that are looked at no more: the person left a shared library."""
        for zone in self._looks.keys() - names:
            del self._looks[zone]
            await self._succeeded(zone)
            await self._attention.cleared(OWED, by=zone)

    async def _look_at(self, zone: str) -> int:
        if zone not in self._looks:
            self._looks[zone] = await self._new(zone)
        look = self._looks[zone]
        try:
            assets = await look()
        except PhotoductError as error:
            await self._told(zone, error)
            raise
        await self._succeeded(zone)
        await self._tell_owed(look)
        return assets

    async def _new(self, zone: str) -> ZoneLook:
        records = await self._zones.records(zone)
        joiner = Joiner(records, self._known, zone)
        return ZoneLook(
            zone=zone, joiner=joiner, records=records, state=self._state, clock=self._clock
        )

    async def _told(self, by: str, error: PhotoductError) -> None:
        """Tell the person, under the name that all use who wait for the same: a session that ended is one thing to do."""
        key, text = LOOK, f"Looking at iCloud failed: {error}"
        if isinstance(error, Waiting):
            key, text = error.attention, str(error)
        if self._told_as.get(by, key) != key:
            await self._succeeded(by)
        self._told_as[by] = key
        await self._attention.raised(key, text, by=by)

    async def _succeeded(self, by: str) -> None:
        """Take back what was told."""
        await self._attention.cleared(self._told_as.pop(by, LOOK), by=by)

    async def _tell_owed(self, look: ZoneLook) -> None:
        if not look.owed:
            await self._attention.cleared(OWED, by=look.zone)
            return
        text = (
            f"iCloud does not give {len(look.owed)} records of photos ({some_of(look.owed)});"
            " they are asked for again at each look"
        )
        await self._attention.raised(OWED, text, by=look.zone)
