"""Shows Prometheus which workers are there, on this machine or another, and how much work they end; it decides nothing by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import ValidationError
from typing_extensions import override

from shared.domain.events import Failed, Outcome, RenditionLost
from shared.domain.pipeline import SERVICES, STAGES, alive_subject
from shared.domain.progress import Alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nats.aio.msg import Msg
    from prometheus_client import CollectorRegistry

    from shared.adapters.jetstream import Connection
    from shared.domain.events import Report

log = structlog.get_logger(__name__)
SILENT_S: Final = 60.0
"""A worker of which nothing was heard for so long is not there."""
MOST: Final = 1_000
"""So many of a service are told apart: whoever may say that it is there must not fill the memory with names."""
_NO_END: Final = (Failed, RenditionLost)


class Workers(Collector):
    """What was heard of each worker lately, and the tasks that were ended."""

    def __init__(
        self, registry: CollectorRegistry, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._heard: dict[str, dict[str, tuple[float, bool]]] = {one.name: {} for one in SERVICES}
        self._ended = Counter(
            "photoduct_work_ended_total",
            "Tasks whose end was reported and counted, failures and lost renditions aside.",
            ["stage"],
            registry=registry,
        )
        for stage in STAGES:
            self._ended.labels(stage.name)
        registry.register(self)

    async def listen(self, connection: Connection) -> None:
        """Hear from now on who is there."""
        await connection.subscribe(alive_subject("*"), self.hear)

    async def hear(self, msg: Msg) -> None:
        """Take note of one word; what cannot be read is as if it had not been said."""
        workers = self._heard.get(msg.subject.rpartition(".")[2])
        try:
            said = Alive.model_validate_json(msg.data)
        except ValidationError:
            log.warning("A worker's word cannot be read.", subject=msg.subject)
            return
        if workers is None:
            return
        self._forget_the_silent()
        if said.worker in workers or len(workers) < MOST:
            workers[said.worker] = (self._now(), said.open)

    def ended(self, reports: Iterable[Report]) -> None:
        """Count the tasks that these reports end."""
        for report in reports:
            if isinstance(report, Outcome) and not isinstance(report, _NO_END):
                self._ended.labels(report.stage).inc()

    def _forget_the_silent(self) -> None:
        since = self._now() - SILENT_S
        for workers in self._heard.values():
            for worker in [one for one, (at, _) in workers.items() if at < since]:
                del workers[worker]

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the workers of each service, and of each stage those that take work; of a stage without workers nothing."""
        self._forget_the_silent()
        there = GaugeMetricFamily(
            "photoduct_workers",
            "Processes of a service of which was heard within the last minute.",
            labels=["worker"],  # not `service`: Prometheus gives that name to whom it asked
        )
        taking = GaugeMetricFamily(
            "photoduct_workers_open",
            "Those of a stage that take work: 0 outside their window; none while there is no process.",
            labels=["stage"],
        )
        for service, workers in self._heard.items():
            there.add_metric([service], len(workers))
        for stage in STAGES:
            if workers := self._heard[stage.service]:
                taking.add_metric([stage.name], sum(is_open for _, is_open in workers.values()))
        yield from (there, taking)
