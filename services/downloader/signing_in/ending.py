"""Tells the person a week before the sign-in is expected to end, and Prometheus how old it is; it stops no work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from shared.adapters.icloud_signin_resuming import life_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.downloader.ports import AttentionBook, Clock
    from shared.adapters.icloud_settings import ICloudSettings

ENDS: Final = "icloud-session-ends"
"""The attention record that stands from a week before the expected end until the next sign-in."""


class SessionEnds:
    """One look at the stored session's age after another."""

    def __init__(self, settings: ICloudSettings, attention: AttentionBook, clock: Clock) -> None:
        self._settings = settings
        self._attention = attention
        self._clock = clock

    async def __call__(self) -> None:
        """Look once; a session that has ended is told of by what waits for it."""
        life = await asyncio.to_thread(life_of, self._settings)
        if life is not None and (text := life.warning(self._clock.now())):
            await self._attention.raised(ENDS, text, by=ENDS)
        else:
            await self._attention.cleared(ENDS, by=ENDS)


class SessionAge(Collector):
    """The metrics of the stored session, as of the moment at which they are read; none before the first sign-in."""

    def __init__(self, settings: ICloudSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return age, expected end and days left."""
        life, now = life_of(self._settings), self._clock.now()
        if life is None:
            return
        yield GaugeMetricFamily(
            "photoduct_icloud_session_age_seconds", "Since the last sign-in.", value=life.age(now)
        )
        yield GaugeMetricFamily(
            "photoduct_icloud_session_expiry_timestamp_seconds",
            "When iCloud is expected to ask for the next sign-in; Apple tells nobody.",
            value=life.ends_at.timestamp(),
        )
        yield GaugeMetricFamily(
            "photoduct_icloud_session_days_left",
            "Until iCloud is expected to ask for the next sign-in; 0 once it does.",
            value=life.days_left(now),
        )
