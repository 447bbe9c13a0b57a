"""Looks again and again whether the archive is mounted, so that a person hears of it before work has to wait; it writes nothing there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from services.nas_sync.ports import NasMissing
from shared.adapters.prometheus_disk import room

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.nas_sync.ports import NasArchive, Room

PATIENCE_S: Final = 30.0
"""A disk that slept needs some ten seconds; a server that is gone may never answer, and its look stays in the kernel."""


class Mounted(Collector):
    """Whether the archive is there, and its room, as of the last look: a page of figures may not wait for a NAS."""

    def __init__(self, nas: NasArchive, patience: float = PATIENCE_S) -> None:
        self._nas, self._patience = nas, patience
        self._looking: asyncio.Future[Room] | None = None
        self._room: Room | None = None

    async def __call__(self) -> None:
        """Look once; raises NasMissing while it is away or does not answer. No two looks are under way."""
        looking = self._looking
        if looking is None or looking.done():
            looking = self._looking = asyncio.ensure_future(asyncio.to_thread(self._nas.room))
            looking.add_done_callback(_heed)
        found: Room | None = None
        try:
            async with asyncio.timeout(self._patience):
                found = await asyncio.shield(looking)
        except TimeoutError as error:
            raise NasMissing("The NAS archive does not answer.") from error
        finally:
            self._room = found

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return whether it is mounted, and its room while it is."""
        yield GaugeMetricFamily(
            "photoduct_nas_mounted",
            "1 while the archive is mounted and answers.",
            value=self._room is not None,
        )
        if self._room is not None:
            yield from room("nas", self._room.free, self._room.size)


def _heed(looking: asyncio.Future[Room]) -> None:
    """Take the error of a look that nobody waits for any more."""
    if not looking.cancelled():
        looking.exception()
