"""Asks the state service as the person at the command line; every answer comes in pages, and none is a secret."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from shared.adapters.jetstream import Disconnected, Login, Silent, connect
from shared.adapters.jetstream_asking import ask
from shared.domain import questions
from shared.domain.errors import Permanent, Transient
from shared.domain.pipeline import SERVICES, progress_subject
from shared.domain.progress import Progress
from shared.runtime.settings import load_common

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.aio.msg import Msg

    from shared.runtime.settings import Common

Answer = TypeVar("Answer", bound=BaseModel)
USER = "operator"
CONNECT_SECONDS = 5.0
BUS_PORT = 4222
PROGRESS_SECONDS = 0.4


class Unknown(Permanent):
    """photoduct does not know an asset that the person named."""


class NotRunning(Transient):
    """Nobody answers: photoduct is not running, or is another one than the settings say."""


class Operator:
    """One connection as the user `operator`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def ask(
        self, name: str, question: BaseModel, answer: type[Answer], within: float = 10.0
    ) -> Answer:
        """Ask one question; Transient with a sentence for people when there is no answer."""
        subject = f"ask.state.{name}"
        try:
            return await ask(self._connection, subject, question, answer, within=within)
        except (Silent, Disconnected) as error:
            raise NotRunning(
                "The bus is there, and the state service does not answer: is it running? Its log says more."
            ) from error

    async def rows(self, name: str, asset: str | None = None) -> list[dict[str, Any]]:
        """Return all rows of a paged question."""
        found: list[dict[str, Any]] = []
        after = 0
        while rows := (
            await self.ask(name, questions.AskRows(after=after, asset=asset), questions.Rows)
        ).rows:
            found.extend(rows)
            after = max(row["id"] for row in rows)
        return found

    async def order(self, name: str, order: questions.Order) -> int:
        """Give an order; return how many rows it changed. Unknown: nothing was changed, an id is not in the books."""
        unknown = [asset for asset in order.assets if not await self.rows("media", asset)]
        if unknown:
            raise Unknown(
                f"There is no asset {', '.join(unknown)}; nothing was changed. "
                "`photoduct pending` lists the ids."
            )
        return (await self.ask(name, order, questions.Ordered)).changed

    async def progress(self, within: float = PROGRESS_SECONDS) -> list[Progress]:
        """Ask all workers what they have under way; return what was told within that many seconds."""
        told: dict[str, Progress] = {}

        async def hear(msg: Msg) -> None:
            with suppress(ValidationError):  # of another version
                one = Progress.model_validate_json(msg.data)
                told[one.worker] = one

        showing = [service.name for service in SERVICES if service.shows]
        heard = [await self._connection.subscribe(progress_subject(name), hear) for name in showing]
        for name in showing:
            await self._connection.publish(f"cmd.{name}.progress", b"")
        await asyncio.sleep(within)
        for one in heard:
            await one.unsubscribe()
        return list(told.values())

    async def run_now(self, service: str) -> None:
        """Make a service work now; deletions need the state service's window open, too."""
        for name in (service, "state") if service == "icloud_cleanup" else (service,):
            await self._connection.request(f"cmd.{name}.run", b"", within=5.0)


@asynccontextmanager
async def operator(common: Common) -> AsyncIterator[Operator]:
    """Connect; NotRunning when there is no bus."""
    login = Login(common.nats.url, USER, common.secrets / USER, common.nats.ca)
    if not login.password_file.exists():
        raise NotRunning(
            f"There is no {login.password_file}: photoduct has not run yet with these settings."
        )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _listens(common.nats.url)
            connection = await connect(login)
    except (TimeoutError, OSError) as error:
        raise NotRunning(f"Nobody answers at {common.nats.url}: is photoduct running?") from error
    try:
        yield Operator(connection)
    finally:
        await connection.close()


async def _listens(url: str) -> None:
    """OSError when nobody does: the connection itself would try for ever."""
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or BUS_PORT)
    writer.close()


def with_operator(call: Callable[[Operator], Awaitable[Answer | Any]]) -> Any:
    """Run one call against the running photoduct of the settings."""

    async def run() -> Any:
        async with operator(load_common()) as one:
            return await call(one)

    return asyncio.run(run())
