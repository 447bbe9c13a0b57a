"""Finds work whose message or answer the bus has lost, and rings again; it never touches a file or a fact.

A task is lost when its message was acknowledged (its number is at or below the consumer's floor) and yet no report
ended it, or when the stream does not hold its number (emptied, restored, expired).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from services.state import schema
from shared.adapters.jetstream_admin import consumer_info, purge, stream_info
from shared.domain.errors import Transient
from shared.domain.pipeline import REPORTS_CONSUMER, REPORTS_STREAM, STAGES

if TYPE_CHECKING:
    from datetime import timedelta

    from services.state.desk import Desk
    from services.state.store import Store
    from services.state.truth import Truth
    from shared.adapters.jetstream import Connection
    from shared.domain.pipeline import Stage
    from shared.ports.clock import Clock

log = structlog.get_logger(__name__)
AT_ONCE = 500


class Reconciler:
    """Compares the books with the bus from time to time."""

    def __init__(
        self, connection: Connection, store: Store, clock: Clock, patience: timedelta
    ) -> None:
        self._connection, self._store, self._clock = connection, store, clock
        self._patience = patience

    async def run(self, desk: Desk, truth: Truth, every: timedelta) -> None:
        """Reconcile in that rhythm, for ever; a bus that does not answer is asked again later."""
        while True:
            await asyncio.sleep(every.total_seconds())
            try:
                await self.reconcile(desk, truth)
            except Transient as error:
                log.info("The bus could not be compared with the books.", problem=str(error))

    async def reconcile(self, desk: Desk, truth: Truth) -> None:
        """Ring again for what is lost; empty the streams of what is done."""
        reports = await consumer_info(self._connection, REPORTS_STREAM, REPORTS_CONSUMER)
        settled = not reports["num_pending"] and not reports["num_ack_pending"]
        for stage in STAGES:
            floors = await self._floors(stage)
            if settled:
                await self._ring(desk, truth, stage, floors)
            for lane, floor in floors.items():
                if floor:
                    subject = stage.subject(lane)
                    await purge(self._connection, stage.stream, before=floor + 1, subject=subject)

    async def _floors(self, stage: Stage) -> dict[str, int]:
        return {
            lane: int(
                (await consumer_info(self._connection, stage.stream, stage.consumer(lane)))[
                    "ack_floor"
                ]["stream_seq"]
            )
            for lane in stage.lanes
        }

    async def _ring(self, desk: Desk, truth: Truth, stage: Stage, floors: dict[str, int]) -> None:
        state = (await stream_info(self._connection, stage.stream))["state"]
        held = range(int(state["first_seq"]), int(state["last_seq"]) + 1)
        lost = await desk.on_writer(self._lost, stage, floors, held)
        if lost:
            log.warning(
                "Work was lost on the bus and is handed out again.",
                stage=stage.name,
                count=len(lost),
            )
            await desk.on_writer(truth.ring_again, lost)

    def _lost(self, stage: Stage, floors: dict[str, int], held: range) -> list[tuple[str, int]]:
        work = schema.work.c
        query = (
            select(work.key, work.lane, work.published_seq)
            .where(
                work.stage == stage.name,
                work.state == "out",
                work.published_at <= self._clock.now() - self._patience,
            )
            .limit(AT_ONCE)
        )
        with self._store.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            (stage.name, row.key)
            for row in rows
            if row.published_seq is None
            or row.published_seq <= floors[row.lane]
            or row.published_seq not in held
        ]
