"""The state service's side of a real bus: hands out work and reads reports; it keeps no books."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from shared.adapters.jetstream_admin import consumer_info
from shared.adapters.jetstream_publishing import Publisher
from shared.adapters.jetstream_pulling import Puller
from shared.domain.events import REPORT, AnyReport
from shared.domain.pipeline import STAGE, Stage
from shared.ports.bus import Outgoing
from tests.integration.nats_fixture import RealNats, real_nats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from shared.domain.work_items import FileWork


class Desk:
    """The state service's side: hands out work, reads reports."""

    def __init__(self, nats: RealNats) -> None:
        self.nats = nats
        self.reports: list[AnyReport] = []

    async def open(self) -> Desk:
        self.connection = await self.nats.connect("state")
        self.publisher = Publisher(self.connection)
        self.reading = asyncio.create_task(self._read())
        return self

    async def give(self, *tasks: FileWork) -> None:
        await self.publisher.publish_many(
            [
                Outgoing(_subject(one), one.model_dump_json().encode(), f"{one.key}:{one.attempt}")
                for one in tasks
            ]
        )

    async def _read(self) -> None:
        async with Puller(self.connection, "EVT", "state", room=1000) as puller:
            while True:
                for message in await puller.take(100):
                    self.reports.extend(map(REPORT.validate_json, message.body.split(b"\n")))
                    await message.ack()
                    puller.free()

    async def until(self, enough: Callable[[], bool], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not enough():  # noqa: ASYNC110 - it looks at what a fake has seen
                await asyncio.sleep(0.01)

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.reports if isinstance(one, kind)]

    async def pending(self, stage: Stage, lane: str = "all") -> tuple[int, int]:
        """How much is not handed out yet, and how much of what is has not been acknowledged."""
        info = await consumer_info(self.connection, stage.stream, stage.consumer(lane))
        return info["num_pending"], info["num_ack_pending"]

    async def until_done(self, stage: Stage, lane: str, within: float = 30.0) -> None:
        """Wait until all work of a lane is handed out and acknowledged."""
        async with asyncio.timeout(within):
            while await self.pending(stage, lane) != (0, 0):  # noqa: ASYNC110 - the bus tells nobody
                await asyncio.sleep(0.05)


def _subject(task: FileWork) -> str:
    stage = STAGE[task.stage]
    return stage.subject(task.kind if task.kind in stage.lanes else stage.lanes[0])


@asynccontextmanager
async def open_desk(folder: Path) -> AsyncIterator[Desk]:
    async with real_nats(folder) as nats:
        desk = await Desk(nats).open()
        try:
            yield desk
        finally:
            desk.reading.cancel()
            await asyncio.gather(desk.reading, return_exceptions=True)
