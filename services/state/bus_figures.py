"""Shows Prometheus how full the bus's streams are; it asks, and takes or empties nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from shared.adapters.jetstream_admin import call, consumer_info, stream_info
from shared.domain.errors import Transient
from shared.domain.pipeline import REPORTS_CONSUMER, REPORTS_STREAM, STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.adapters.jetstream import Connection

log = structlog.get_logger(__name__)
EVERY_SECONDS: Final = 30.0
_FIGURES: Final = {
    "bytes": ("photoduct_bus_stream_bytes", "Bytes that a stream holds."),
    "limit": (
        "photoduct_bus_stream_limit_bytes",
        "Bytes beyond which a stream loses its oldest messages.",
    ),
    "messages": ("photoduct_bus_stream_messages", "Messages that a stream holds."),
    "unread": (
        "photoduct_bus_unread_messages",
        "Those that are still to be dealt with: losing one costs a delay, of a report its fact.",
    ),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, by the names of `_FIGURES`."""

    bytes: int
    limit: int
    messages: int
    unread: int


class BusFigures(Collector):
    """The bus as of the last answer; nothing while it does not answer."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._stored: int | None = None

    async def keep(self, connection: Connection) -> None:
        """Ask from time to time, for ever."""
        while True:
            await self.look(connection)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self, connection: Connection) -> None:
        """Ask once; what was answered before is shown no more when there is no answer."""
        try:
            jobs = {stage.stream: await _stream(connection, stage.stream) for stage in STAGES}
            reports = await _stream(connection, REPORTS_STREAM, REPORTS_CONSUMER)
            stored = int((await call(connection, "INFO"))["storage"])
        except Transient as error:
            self._streams, self._stored = {}, None
            log.info("The bus did not say how full it is.", problem=str(error))
        else:
            self._streams, self._stored = {**jobs, REPORTS_STREAM: reports}, stored

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return what each stream holds and may hold, and what all hold together."""
        for field, (name, about) in _FIGURES.items():
            family = GaugeMetricFamily(name, about, labels=["stream"])
            for stream, found in self._streams.items():
                family.add_metric([stream], getattr(found, field))
            yield family
        if self._stored is not None:
            yield GaugeMetricFamily(
                "photoduct_bus_stored_bytes", "Bytes that all streams hold.", value=self._stored
            )


async def _stream(connection: Connection, name: str, consumer: str = "") -> Stream:
    """Ask about a stream; one of work is emptied of what is done, of reports the `consumer` tells how many were read."""
    found = await stream_info(connection, name)
    held = int(found["state"]["messages"])
    unread = held
    if consumer:
        reader = await consumer_info(connection, name, consumer)
        unread = int(reader["num_pending"]) + int(reader["num_ack_pending"])
    return Stream(int(found["state"]["bytes"]), int(found["config"]["max_bytes"]), held, unread)
