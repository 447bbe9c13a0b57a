"""Works on one lane of a stage: message in, handler, report out, acknowledged only after; it never drops a task unsaid.

Outcomes: reports are durable before the message is acknowledged. Waiting holds the lane. Transient, Permanent and
the unexpected are `Failed` reports: the state service decides on the next try. Fatal stops the whole service.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog
from pydantic import ValidationError

from shared.adapters.jetstream_pulling import Message, Puller
from shared.domain.errors import Fatal, Permanent, Transient, Waiting
from shared.domain.events import Failed, Outcome, Report
from shared.runtime.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.adapters.jetstream import Connection
    from shared.adapters.prometheus import Metrics
    from shared.domain.pipeline import Stage
    from shared.domain.work_items import Work
    from shared.ports.bus import Say
    from shared.ports.clock import Clock
    from shared.runtime.attention import AttentionBook

    Handler: TypeAlias = Callable[[Any], Awaitable[Report | Sequence[Report]]]

log = structlog.get_logger()


class Host(Protocol):
    """What a lane needs of its service."""

    connection: Connection
    clock: Clock
    metrics: Metrics
    attention: AttentionBook

    @property
    def say(self) -> Say:
        """Report durably."""
        ...

    def die(self, error: Fatal) -> None:
        """Stop the service."""
        ...


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a task ended, for the reports, the metrics and the log alike."""

    outcome: str
    reports: tuple[Report, ...]
    seconds: float


class Lane:
    """One lane with its own slots, so that an hour-long video blocks no photo."""

    def __init__(
        self, stage: Stage, lane: str, handler: Handler, host: Host, slots: Callable[[], int]
    ) -> None:
        self._stage = stage
        self._handler = handler
        self._host = host
        self._gate = Gate()
        self._name = stage.consumer(lane)
        host.metrics.expect(stage)
        self._slots, self._allowed = slots, slots()
        self._puller = Puller(host.connection, stage.stream, self._name, room=self._allowed)
        self._running: dict[asyncio.Task[None], Message] = {}
        self._stopping = False

    async def run(self) -> None:
        """Take work until cancelled; `stop` then ends what is under way."""
        beating = asyncio.create_task(self._keep_alive())
        try:
            async with self._puller:
                while True:
                    for message in await self._puller.take():
                        self._start(message)
        finally:
            self._stopping = True
            await self._finish(beating)

    @property
    def is_open(self) -> bool:
        """True while it takes new work."""
        return not self._puller.paused

    def pause(self) -> None:
        """Take no new work; what is under way goes on."""
        self._puller.pause()
        self._host.metrics.stage_open.labels(self._stage.name).set(0)

    def resume(self) -> None:
        """Take work again."""
        self._puller.resume()
        self._host.metrics.stage_open.labels(self._stage.name).set(1)

    def resize(self) -> None:
        """Look again how many tasks it may have; those that it has stay."""
        before, self._allowed = self._allowed, self._slots()
        self._puller.free(self._allowed - before)

    async def stop(self, grace: float) -> None:
        """Give running tasks that many seconds, then cancel them and give their messages back."""
        if not self._running:
            return
        await asyncio.wait(self._running, timeout=0 if self._gate.closed else grace)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=1)

    async def _finish(self, beating: asyncio.Task[None]) -> None:
        """Keep the heart beating while tasks end; the service bounds the time with `stop`."""
        try:
            while self._running:
                await asyncio.wait(set(self._running))
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    def _start(self, message: Message) -> None:
        task = asyncio.create_task(self._handle(message))
        self._running[task] = message
        task.add_done_callback(self._done)
        self._host.metrics.in_flight.labels(self._stage.name).inc()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._host.metrics.in_flight.labels(self._stage.name).dec()
        self._puller.free()
        if not task.cancelled() and (error := task.exception()) is not None:
            fatal = error if isinstance(error, Fatal) else Fatal(f"A lane broke: {error!r}.")
            self._host.die(fatal)

    async def _handle(self, message: Message) -> None:
        try:
            work = self._stage.work.model_validate_json(message.body)
        except ValidationError as error:
            log.error("Work cannot be read and is put aside.", lane=self._name, reason=str(error))
            self._host.metrics.jobs.labels(self._stage.name, "unreadable").inc()
            await message.term()
            return
        try:
            ended = await self._ended(work)
            await self._record(work, ended)
        except BaseException:  # cancelled, or fatal: another worker may have it at once
            await message.nak()
            raise
        await message.ack()

    async def _ended(self, work: Work) -> _Ended:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            said = await self._patiently(work)
            reports = (said,) if isinstance(said, Report) else tuple(said)
        except Transient as error:
            reports = (self._failed(work, str(error), "transient", error.retry_after),)
        except Permanent as error:
            reports = (self._failed(work, str(error), "permanent", None),)
        except Fatal:
            raise
        except Exception as error:  # a bug must not end the service, nor the task unsaid
            log.exception("A task failed unexpectedly.", lane=self._name, key=work.key)
            reports = (self._failed(work, f"unexpected {error!r}", "transient", None),)
        seconds = loop.time() - started
        return _Ended(_outcome_of(reports), _timed(reports, seconds), seconds)

    async def _patiently(self, work: Work) -> Report | Sequence[Report]:
        """Try until the world is ready."""
        while True:
            try:
                async with self._gate.turn():
                    said = await self._handler(work)
            except Waiting as waiting:
                if self._stopping:
                    raise asyncio.CancelledError from waiting
                self._gate.close(waiting.retry_after)
                await self._host.attention.raised(waiting.attention, str(waiting), by=self._name)
            else:
                await self._host.attention.cleared_by(self._name)
                return said

    def _failed(self, work: Work, reason: str, lasting: str, retry_after: float | None) -> Failed:
        return work.outcome(
            Failed,
            at=self._host.clock.now(),
            lasting=lasting,
            reason=reason,
            retry_after=retry_after,
        )

    async def _record(self, work: Work, ended: _Ended) -> None:
        """Write state, metric and log line of an outcome together, so that they can't disagree."""
        await asyncio.gather(*(self._host.say(report) for report in ended.reports))
        metrics, stage = self._host.metrics, self._stage.name
        metrics.jobs.labels(stage, ended.outcome).inc()
        metrics.job_bytes.labels(stage, ended.outcome).inc(work.size_of_files)
        metrics.seconds.labels(stage).observe(ended.seconds)
        fields = {"stage": stage, "key": work.key, "seconds": round(ended.seconds, 3)}
        failure = next((one for one in ended.reports if isinstance(one, Failed)), None)
        if failure is None:
            metrics.last_success.labels(stage).set(self._host.clock.now().timestamp())
            log.info("A task is done.", outcome=ended.outcome, **fields)
        else:
            log.warning("A task failed.", lasting=failure.lasting, reason=failure.reason, **fields)

    async def _keep_alive(self) -> None:
        """Tell the bus three times per ack_wait that every task is alive."""
        while True:
            await asyncio.sleep(self._stage.ack_wait / 3)
            for message in list(self._running.values()):
                await message.in_progress()


def _outcome_of(reports: tuple[Report, ...]) -> str:
    for report in reports:
        if isinstance(report, Failed):
            return report.lasting
        if isinstance(report, Outcome):
            return str(type(report).model_fields["type"].default)
    return "nothing"


def _timed(reports: tuple[Report, ...], seconds: float) -> tuple[Report, ...]:
    """Fill in how long it took, where the handler did not."""
    return tuple(
        report.model_copy(update={"seconds": round(seconds, 6)})
        if isinstance(report, Outcome) and not report.seconds
        else report
        for report in reports
    )
