"""What every service stands on: bus, page, attention and signals; it has no way to a file or database.

A main is `start(main)`, where `main` opens its outside world and `open_service`, then runs its handlers:

    async with open_service(NAS_SYNC, common) as service:
        await service.run({"nas": Archive(...)}, loops=[service.every("1m", watch, "watch")])

Exit status: 0 stopped by a signal, 1 what a new start may mend, 2 wrong settings, 3 Fatal; each but 0 with sentences on standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from pydantic import BaseModel

from shared.adapters.clock import SystemClock
from shared.adapters.jetstream import Login, connect
from shared.adapters.jetstream_asking import ask, serve
from shared.adapters.jetstream_publishing import Publisher, Reporter
from shared.domain.errors import Fatal, PhotoductError, Transient
from shared.domain.pipeline import progress_subject, report_subject, reports_of, stages_of
from shared.ports.bus import Outgoing
from shared.runtime.alive import tell_alive
from shared.runtime.attention import AttentionBook
from shared.runtime.lane import Lane
from shared.runtime.looping import Loop
from shared.runtime.page import STARTING, open_page
from shared.runtime.rhythm import is_open
from shared.runtime.running import end_on_signals, forget_signals, keep_window, run_until
from shared.runtime.settings import CONFIG, SettingsError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from nats.aio.msg import Msg

    from shared.adapters.jetstream import Connection
    from shared.domain.events import Report
    from shared.domain.pipeline import Service as Row, Stage
    from shared.domain.progress import Progress
    from shared.ports.clock import Clock
    from shared.runtime.lane import Handler
    from shared.runtime.page import Page
    from shared.runtime.settings import Common

log = structlog.get_logger()
START_AGAIN: Final = 1
WRONG_SETTINGS: Final = 2
FATAL: Final = 3
ENDING: Final = "It is ending."
BY_HAND: Final = timedelta(hours=1)
"""How long a window stays open that a person opened with `photoduct run`."""
_Answer = TypeVar("_Answer", bound=BaseModel)
_Question = TypeVar("_Question", bound=BaseModel)


class Service:
    """One running service; made by `open_service`."""

    def __init__(self, row: Row, connection: Connection, page: Page) -> None:
        self.row = row
        self.connection = connection
        self.page = page
        self.clock: Clock = SystemClock()
        self.metrics = page.metrics
        self.publisher = Publisher(connection)
        self.reporter = Reporter(self.publisher)
        self.attention = AttentionBook(row.name, self.say, self.clock, self.metrics)
        self._says = frozenset(reports_of(row))
        self._lanes: list[Lane] = []
        self._wakes: dict[str, asyncio.Event] = {}
        self._by_hand_until: datetime | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.fatal.add_done_callback(self._on_connection_fatal)

    async def say(self, report: Report) -> None:
        """Return when the report is durable on the bus, however long the bus is away."""
        if type(report) not in self._says:
            raise Fatal(
                f"{self.row.name} must not say {type(report).__name__}: see the stage table."
            )
        subject = report_subject(self.row.name, type(report))
        await self.reporter.say(Outgoing(subject, report.model_dump_json().encode(), report.id))

    async def show(self, progress: Progress) -> None:
        """Tell whoever watches; nobody keeps it, and while the bus is away nobody hears it."""
        if not self.row.shows:
            raise Fatal(f"{self.row.name} shows no progress: see the stage table.")
        if self.connection.connected.is_set():
            with suppress(Transient):
                body = progress.model_dump_json().encode()
                await self.connection.publish(progress_subject(self.row.name), body)

    async def ask(self, name: str, question: BaseModel, answer: type[_Answer]) -> _Answer:
        """Ask the state service `ask.state.<name>`; Transient when nobody answers or the answer is an error."""
        return await ask(self.connection, f"ask.state.{name}", question, answer)

    async def serve(
        self,
        name: str,
        question: type[_Question],
        answer: Callable[[_Question], Awaitable[BaseModel]],
    ) -> None:
        """Answer the questions `ask.<this service>.<name>`."""
        await serve(self.connection, f"ask.{self.row.name}.{name}", question, answer)

    def every(
        self, rhythm: str, do: Callable[[], Awaitable[object]], name: str
    ) -> Callable[[], Awaitable[None]]:
        """Return a loop for `run`: `do` by the rhythm (`15m` or a cron pattern), and at once on `cmd.<service>.run`."""
        wake = self._wakes.setdefault(name, asyncio.Event())
        return Loop(name, rhythm, do, wake, self.clock, self.metrics, self.attention).run

    def wake(self, name: str) -> None:
        """Let the loop of that name run now."""
        self._wakes[name].set()

    async def run(
        self,
        handlers: Mapping[str, Handler],
        loops: Sequence[Callable[[], Awaitable[None]]] = (),
        *,
        slots: Mapping[str, int | Callable[[], int]] | None = None,
        during: str | None = None,
    ) -> None:
        """Work until SIGTERM or SIGINT; raises Fatal.

        `handlers` by stage name. `slots`: tasks at once, by stage name or by `<stage>-<lane>`; each lane has its
        own, looked at again by `resize`. Outside the window `during` (a cron pattern in local time) no new work is taken.
        """
        lanes = self._lanes = [
            lane
            for stage in stages_of(self.row.name)
            for lane in self._lanes_of(stage, handlers, slots or {})
        ]
        if not self.may_run(during):
            for lane in lanes:
                lane.pause()
        await self.connection.subscribe(f"cmd.{self.row.name}.*", self._on_command)
        window = [partial(keep_window, partial(self.may_run, during), lanes)] if during else []
        alive = [partial(tell_alive, self.connection, self.row.name, lanes)] if lanes else []
        end_on_signals(self._ended)
        try:
            if self.row.says:
                await self._bounded(self.attention.forget_former_life())
            self.page.works(self.lacks)
            log.info("Ready to work.", lanes=len(lanes))
            await run_until(self._ended, lanes, [*loops, *window, *alive])
        finally:
            self.page.waits(ENDING)
            forget_signals()

    def resize(self) -> None:
        """Look again how many tasks each lane may have."""
        for lane in self._lanes:
            lane.resize()

    def may_run(self, during: str | None) -> bool:
        """Say whether the window `during` (a cron pattern in local time, None: always) is open, by itself or by hand."""
        now = self.clock.now()
        by_hand = self._by_hand_until is not None and now < self._by_hand_until
        return by_hand or is_open(during, now)

    def die(self, error: Fatal) -> None:
        """Stop the service with this error."""
        if not self._ended.done():
            self._ended.set_exception(error)

    def stop(self) -> None:
        """Stop the service as a signal would."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def lacks(self) -> str:
        """Return what keeps it from working right now, in a sentence; empty when a JetStream round trip works."""
        if not self.connection.connected.is_set():
            return "The connection to the bus is lost."
        try:
            answer = await self.connection.request("$JS.API.INFO", b"", within=2.0)
        except (Transient, Fatal) as error:
            return f"The bus does not answer: {error}"
        return "The bus answers that it keeps no streams." if b'"error"' in answer.data else ""

    def _lanes_of(
        self,
        stage: Stage,
        handlers: Mapping[str, Handler],
        slots: Mapping[str, int | Callable[[], int]],
    ) -> Iterator[Lane]:
        for lane in stage.lanes:
            found = slots.get(f"{stage.name}-{lane}", slots.get(stage.name, stage.slots))
            now = found if callable(found) else partial(int, found)
            yield Lane(stage, lane, handlers[stage.name], self, now)

    async def _bounded(self, saying: Coroutine[None, None, None]) -> None:
        """Wait for it, but let a signal end the wait: the bus may be away."""
        task = asyncio.ensure_future(saying)
        ends: set[asyncio.Future[None]] = {task, self._ended}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        task.cancel() if not task.done() else task.result()

    async def _on_command(self, msg: Msg) -> None:
        name = msg.subject.rpartition(".")[2]
        wanted = list(self._wakes) if name == "run" else [name]
        if name == "run":
            self._by_hand_until = self.clock.now() + BY_HAND
        known = [one for one in wanted if one in self._wakes]
        for one in known:
            self._wakes[one].set()
        if msg.reply:
            await self.connection.publish(msg.reply, json.dumps({"runs": known}).encode())

    def _on_connection_fatal(self, fatal: asyncio.Future[None]) -> None:
        if not fatal.cancelled() and isinstance(error := fatal.exception(), Fatal):
            self.die(error)


@asynccontextmanager
async def open_service(row: Row, common: Common) -> AsyncIterator[Service]:
    """Serve the page, which tells from then on what is waited for, and connect to the bus, however long that is away."""
    async with open_page(row, common) as page:
        page.waits(f"The bus at {common.nats.url} does not answer yet.")
        login = Login(common.nats.url, row.name, common.secrets / row.name, common.nats.ca)
        connection = await connect(login)
        page.waits(STARTING)
        service = Service(row, connection, page)
        try:
            yield service
        finally:
            page.waits(ENDING)
            await service.reporter.close()
            await connection.close()


def start(main: Callable[[], Coroutine[None, None, None]], *, threads: int | None = None) -> None:
    """Run a service's `main` and leave with its exit status; `--config PATH` names the settings file.

    `threads` is how many may block at once; None: a few more than there are cores.
    """
    if "--config" in sys.argv[1:-1]:
        os.environ[CONFIG] = sys.argv[sys.argv.index("--config") + 1]
    try:
        asyncio.run(_with_threads(main, threads))
    except SettingsError as error:
        _leave(error, WRONG_SETTINGS)
    except Fatal as error:
        _leave(error, FATAL)
    except PhotoductError as error:
        _leave(error, START_AGAIN)


async def _with_threads(
    main: Callable[[], Coroutine[None, None, None]], threads: int | None
) -> None:
    if threads is not None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    await main()


def _leave(error: PhotoductError, status: int) -> None:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(status)
