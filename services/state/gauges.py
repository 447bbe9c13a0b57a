"""Shows the books as Prometheus gauges; it counts and changes nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from prometheus_client import Gauge

from shared.domain import questions

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from services.state.answers import Answers
    from services.state.desk import Desk

EVERY_SECONDS: Final = 15.0


class Gauges:
    """One gauge a kind of count; labels are few and bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._files = Gauge(
            "photoduct_files",
            "Files by state machine and state.",
            ["machine", "state"],
            registry=registry,
        )
        self._work = Gauge(
            "photoduct_work", "Tasks by stage and state.", ["stage", "state"], registry=registry
        )
        self._bytes = Gauge(
            "photoduct_library_bytes", "Bytes by kind.", ["kind"], registry=registry
        )
        self._assets = Gauge("photoduct_assets", "Assets by kind.", ["kind"], registry=registry)

    async def keep(self, desk: Desk, answers: Answers) -> None:
        """Bring the gauges up to date from time to time, for ever."""
        while True:
            self.show(await desk.on_writer(answers.status, questions.AskStatus()))
            await asyncio.sleep(EVERY_SECONDS)

    def show(self, status: questions.Status) -> None:
        """Set every gauge."""
        for machine, counts in status.counts.items():
            for state, count in counts.items():
                self._files.labels(machine, state).set(count)
        for stage, states in status.work.items():
            for state, count in states.items():
                self._work.labels(stage, state).set(count)
        for name, count in status.totals.items():
            if name.startswith("bytes_"):
                self._bytes.labels(name.removeprefix("bytes_")).set(count)
            else:
                self._assets.labels(name).set(count)
