"""Shows Prometheus when the phone was last connected; it reports nothing and counts as no evidence."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from shared.domain.errors import Transient

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from services.pixel_sync.ports import PhonePort


class Seen:
    """One look at the phone's connection after another."""

    def __init__(self, phone: PhonePort, registry: CollectorRegistry) -> None:
        self._phone = phone
        self._at = Gauge(
            "photoduct_phone_last_seen_timestamp_seconds",
            "When the phone was last connected; 0: not that we know.",
            registry=registry,
        )

    async def __call__(self) -> None:
        """Look once; while Syncthing is away, the last answer stands. Raises Permanent, Fatal."""
        with suppress(Transient):  # the watch tells of it, and tries again
            if (seen := await self._phone.phone_seen()) is not None:
                self._at.set(seen.timestamp())
