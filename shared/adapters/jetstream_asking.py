"""Questions and answers over the bus, as JSON of pydantic models; an answer that is an error is one sentence in a header."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from nats.errors import Error as NatsError
from pydantic import BaseModel, ValidationError

from shared.domain.errors import PhotoductError, Transient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.aio.msg import Msg

    from shared.adapters.jetstream import Connection

log = structlog.get_logger()
ERROR: Final = "Photoduct-Error"
RETRY_AFTER: Final = "Photoduct-Retry-After"
"""Seconds; only beside an error that says when another try can succeed."""
_Answer = TypeVar("_Answer", bound=BaseModel)
_Question = TypeVar("_Question", bound=BaseModel)


async def ask(
    connection: Connection,
    subject: str,
    question: BaseModel,
    answer: type[_Answer],
    *,
    within: float = 10.0,
) -> _Answer:
    """Return the answer; Transient when nobody answers within that many seconds, or with an error."""
    msg = await connection.request(subject, question.model_dump_json().encode(), within=within)
    headers = msg.headers or {}
    if problem := headers.get(ERROR):
        wish = headers.get(RETRY_AFTER)
        raise Transient(str(problem), retry_after=float(wish) if wish else None)
    try:
        return answer.model_validate_json(msg.data)
    except ValidationError as error:
        raise Transient(
            f"The answer to {subject} cannot be read: is it another version?"
        ) from error


async def serve(
    connection: Connection,
    subject: str,
    question: type[_Question],
    answer: Callable[[_Question], Awaitable[BaseModel]],
) -> None:
    """Answer each request on `subject`, several at once; several processes share the requests."""
    under_way: set[asyncio.Task[None]] = set()

    async def respond(msg: Msg) -> None:
        body, headers = await _answered(msg, question, answer)
        with suppress(Transient):  # the connection went: the asker asks again
            await connection.publish(msg.reply, body, headers=headers)

    async def on_message(msg: Msg) -> None:
        if msg.reply:
            task = asyncio.create_task(respond(msg))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    await connection.subscribe(subject, on_message, queue="servers")


@asynccontextmanager
async def putting_off(
    connection: Connection, subject: str, reason: Callable[[], str]
) -> AsyncIterator[None]:
    """Answer each request on `subject` with an error, until the block ends: that `reason`, a sentence, keeps its answer."""

    async def on_message(msg: Msg) -> None:
        if msg.reply:
            with suppress(Transient):
                await connection.publish(msg.reply, b"", headers={ERROR: reason()})

    asked = await connection.subscribe(subject, on_message, queue="servers")
    try:
        yield
    finally:
        with suppress(NatsError):  # the connection went, and this with it
            await asked.unsubscribe()


async def _answered(
    msg: Msg, question: type[_Question], answer: Callable[[_Question], Awaitable[BaseModel]]
) -> tuple[bytes, dict[str, str] | None]:
    try:
        found = await answer(question.model_validate_json(msg.data))
    except ValidationError:
        return b"", {ERROR: f"The question on {msg.subject} cannot be read: is it another version?"}
    except PhotoductError as error:
        return b"", {ERROR: str(error), **_wish_of(error)}
    except Exception:  # the asker must hear of it, and the next question is answered all the same
        log.exception("Answering failed unexpectedly.", subject=msg.subject)
        return b"", {ERROR: f"Answering {msg.subject} failed unexpectedly; see the log."}
    return found.model_dump_json().encode(), None


def _wish_of(error: PhotoductError) -> dict[str, str]:
    wish = getattr(error, "retry_after", None)
    return {} if wish is None else {RETRY_AFTER: f"{wish:g}"}
