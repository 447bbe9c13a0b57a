"""The state service at work: reports in, transactions, work out; the only place where bus and books meet.

All database work runs on one writer thread. A report is acknowledged after its transaction has committed;
work is published after that, and what a crash leaves unpublished is found by its row.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import structlog
from pydantic import ValidationError

from services.state.clock_watch import ClockWatch
from services.state.truth import Due, Received
from shared.adapters.jetstream_asking import serve
from shared.adapters.jetstream_publishing import LINE
from shared.adapters.jetstream_pulling import Puller
from shared.domain import pipeline, questions
from shared.domain.events import REPORT, Outcome
from shared.domain.pipeline import ADVISORIES_STREAM, STAGE, STAGES
from shared.ports.bus import Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pydantic import BaseModel

    from services.state.answers import Answers
    from services.state.claims import Claims
    from services.state.orders import Orders
    from services.state.store import Store
    from services.state.truth import Truth
    from services.state.workers import Workers
    from shared.adapters.jetstream import Connection
    from shared.adapters.jetstream_publishing import Publisher

log = structlog.get_logger(__name__)
T = TypeVar("T")
_Claim: TypeAlias = "tuple[questions.ClaimDeletion, asyncio.Future[questions.Claimed]]"
REPORTS_AT_ONCE = 500
ROOM = 4 * REPORTS_AT_ONCE
TICK_SECONDS = 0.5
ALLOWED = {
    pipeline.report_subject(service.name, report)
    for service in pipeline.SERVICES
    for report in pipeline.reports_of(service)
}


class Desk:
    """Takes reports, hands out work, answers questions."""

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        truth: Truth,
        claims: Claims,
        answers: Answers,
        orders: Orders,
        store: Store,
        workers: Workers,
    ) -> None:
        self._store, self._workers = store, workers
        self._connection, self._publisher = connection, publisher
        self._truth, self._answers, self._orders = truth, answers, orders
        self._claims_of = claims
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._relays: set[asyncio.Task[None]] = set()
        self._claims: asyncio.Queue[_Claim] = asyncio.Queue()
        self._publishing: set[str] = set()

    def loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Return what has to run for ever."""
        return (self.take_reports, self.decide_claims, self.take_advisories, self.tick)

    async def on_writer(self, call: Callable[..., T], *args: Any) -> T:
        """Run a call on the one thread that may use the database."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, call, *args)

    async def take_reports(self) -> None:
        """Apply reports in batches, for ever."""
        async with Puller(
            self._connection, pipeline.REPORTS_STREAM, pipeline.REPORTS_CONSUMER, room=ROOM
        ) as puller:
            while True:
                messages = await puller.take(REPORTS_AT_ONCE)
                lines = [(m.subject, line) for m in messages for line in m.body.split(LINE)]
                received = [one for line in lines if (one := _read(*line)) is not None]
                for start in range(0, len(received), REPORTS_AT_ONCE):
                    part = received[start : start + REPORTS_AT_ONCE]
                    self._relay(await self.on_writer(self._apply, part))
                await messages[-1].ack()  # names every message of this take
                puller.free(len(messages))

    def _apply(self, part: Sequence[Received]) -> list[Due]:
        due = self._truth.apply(part)
        counted = {one.report.id: one.report for one in part}
        self._workers.ended(counted[key] for key in self._store.applied() if key in counted)
        return due

    async def take_advisories(self) -> None:
        """Quarantine what the bus will not hand out any more, for ever."""
        stages = {stage.stream: stage.name for stage in STAGES}
        async with Puller(
            self._connection, ADVISORIES_STREAM, pipeline.REPORTS_CONSUMER, room=100
        ) as puller:
            while True:
                for message in await puller.take():
                    told = json.loads(message.body)
                    stage = stages.get(str(told.get("stream")))
                    if stage is not None:
                        sequence, deliveries = int(told["stream_seq"]), int(told["deliveries"])
                        await self.on_writer(self._truth.give_up, stage, sequence, deliveries)
                    await message.ack()
                    puller.free()

    async def tick(self) -> None:
        """Find what time has made due, for ever: dwells, retries, rows that a crash left unpublished."""
        clock = ClockWatch(self._truth.now)
        while True:
            if (jumped := clock.jump()) is not None:
                why = f"this machine's clock jumped by {jumped.total_seconds():+.0f} seconds"
                await self.on_writer(self._truth.freeze, why)
            self._relay(await self.on_writer(self._truth.plan_again))
            self._relay(await self.on_writer(self._truth.due_again))
            await asyncio.sleep(TICK_SECONDS)

    def _relay(self, due: Sequence[Due]) -> None:
        due = [one for one in due if one.message_id not in self._publishing]
        if not due:
            return
        self._publishing.update(one.message_id for one in due)
        task = asyncio.create_task(self._publish(due))
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def _publish(self, due: Sequence[Due]) -> None:
        try:
            sequences = await self._publisher.publish_many(
                [Outgoing(one.subject, one.body, one.message_id) for one in due]
            )
            tasks = [one.task for one in due]
            await self.on_writer(self._truth.published, list(zip(tasks, sequences, strict=True)))
        finally:
            self._publishing.difference_update(one.message_id for one in due)

    async def serve(self) -> None:
        """Answer the questions of workers and of the person at the command line."""
        answers, orders = self._answers, self._orders
        table: dict[str, tuple[type[BaseModel], Callable[[Any], BaseModel]]] = {
            "claim_purge": (questions.ClaimPurge, self._claims_of.purge),
            "claim_release": (questions.ClaimRelease, self._claims_of.release),
            "sync_token": (questions.AskSyncToken, answers.sync_token),
            "google_watch": (questions.AskGoogleWatch, answers.google_watch),
            "status": (questions.AskStatus, answers.status),
            "media": (questions.AskRows, answers.media),
            "pending": (questions.AskRows, answers.pending),
            "failures": (questions.AskRows, answers.failures),
            "retry": (questions.Order, orders.retry),
            "approve": (questions.Order, orders.approve),
            "veto": (questions.Order, orders.veto),
            "renew": (questions.Order, orders.renew),
            "unfreeze": (questions.Order, orders.unfreeze),
            "confirm_freed": (questions.Order, orders.confirm_freed),
        }
        await serve(
            self._connection, "ask.state.claim_deletion", questions.ClaimDeletion, self._claim
        )
        for name, (question, call) in table.items():
            await serve(self._connection, f"ask.state.{name}", question, self._caller(call))

    async def _claim(self, question: questions.ClaimDeletion) -> BaseModel:
        answer: asyncio.Future[questions.Claimed] = asyncio.get_running_loop().create_future()
        self._claims.put_nowait((question, answer))
        return await answer

    async def decide_claims(self) -> None:
        """Decide claims, for ever; those that arrive while one is decided share the next transaction."""
        while True:
            waiting = [await self._claims.get()]
            while not self._claims.empty():
                waiting.append(self._claims.get_nowait())
            asked = [question for question, _ in waiting]
            try:
                decided = await self.on_writer(self._claims_of.deletion, asked)
            except Exception as error:  # noqa: BLE001 - the askers must hear of it, and none got a permit
                decided = [error] * len(asked)
            for (_, answer), found in zip(waiting, decided, strict=True):
                _settle(answer, found)

    def _caller(self, call: Callable[[Any], BaseModel]) -> Callable[[Any], Any]:
        async def answer(question: Any) -> BaseModel:
            return await self.on_writer(call, question)

        return answer

    async def aclose(self) -> None:
        """Let the running transaction end; what was not published is found again at the next start."""
        for task in self._relays:
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)
        self._writer.shutdown(wait=True)


def _settle(
    answer: asyncio.Future[questions.Claimed], found: questions.Claimed | Exception
) -> None:
    if answer.done():
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)


def _read(subject: str, line: bytes) -> Received | None:
    """Read a report; one that is unreadable, or on another service's subject, counts for nothing."""
    try:
        report = REPORT.validate_json(line)
    except ValidationError as error:
        log.error("A report cannot be read.", subject=subject, problem=str(error)[:300])
        return None
    _, service, kind = subject.split(".")
    foreign = isinstance(report, Outcome) and STAGE[report.stage].service != service
    if subject not in ALLOWED or kind != report.type or foreign:
        log.error("A report came on a subject that is not its own.", subject=subject)
        return None
    return Received(subject, report)
