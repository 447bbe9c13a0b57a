"""Shows Prometheus books, bus, workers, backups and their disk, in one place; it changes none of them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from services.state.bus_figures import BusFigures
from services.state.figures import Figures, FiguresOfBooks, count
from services.state.gauges import Gauges
from services.state.workers import Workers
from shared.adapters.prometheus_disk import Disk
from shared.domain.questions import AskStatus, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from services.state.answers import Answers
    from services.state.backup_rhythm import Backups
    from services.state.desk import Desk
    from services.state.store import Store
    from shared.adapters.jetstream import Connection
    from shared.adapters.prometheus import Metrics
    from shared.ports.clock import Clock

EVERY_SECONDS: Final = 15.0
REST: Final = 20.0
"""Pause after a count, at least so many times as long as it took: in a large library the one writer has other work."""


class Monitoring:
    """All that the state service shows, kept up to date by its loops."""

    def __init__(
        self, metrics: Metrics, store: Store, clock: Clock, backups: Backups, data: Path
    ) -> None:
        self._store, self._clock = store, clock
        self._gauges, self.workers = Gauges(metrics.registry), Workers(metrics.registry)
        self._figures, self._bus = FiguresOfBooks(), BusFigures()
        for one in (self._figures, self._bus, BackupAge(backups), Disk("data", data)):
            metrics.registry.register(one)

    def loops(
        self, connection: Connection, desk: Desk, answers: Answers
    ) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Return what has to run for ever."""
        return partial(self._bus.keep, connection), partial(self._keep, desk, answers)

    async def _keep(self, desk: Desk, answers: Answers) -> None:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            status, figures = await desk.on_writer(self._count, answers)
            self._gauges.show(status)
            self._figures.show(figures)
            await asyncio.sleep(max(EVERY_SECONDS, REST * (now() - began)))

    def _count(self, answers: Answers) -> tuple[Status, Figures]:
        status = answers.status(AskStatus())
        with self._store.engine.connect() as connection:
            return status, count(connection, self._clock.now())


class BackupAge(Collector):
    """The backups of the books, as of the last look at their folder."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return when the last good one was made, and when the next is due."""
        last, due = self._backups.last(), self._backups.next_due()
        yield GaugeMetricFamily(
            "photoduct_backup_last_success_timestamp_seconds",
            "When the newest backup of the books was made; 0 before the first.",
            value=last.timestamp() if last else 0,
        )
        yield GaugeMetricFamily(
            "photoduct_backup_due_timestamp_seconds",
            "When the next backup of the books is due; 0 before the first.",
            value=due.timestamp() if due else 0,
        )
