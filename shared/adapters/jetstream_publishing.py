"""Publishes into streams durably: atomic batches where they can be, one by one where they must; it never gives up and never reads.

With `sync_interval: always` every publish costs one fsync and so does a whole batch. A batch that holds one id
which the stream has seen already is refused whole; then its messages go one by one, where a duplicate is success.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from shared.adapters.jetstream import Connection, Disconnected, Silent
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.ports.bus import Outgoing

log = structlog.get_logger()
BATCH: Final = 500
"""Messages in one atomic batch; the server takes 1,000."""
_BATCH_BYTES: Final = 8 << 20
_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0


class Publisher:
    """Publishes through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish_many(self, messages: Sequence[Outgoing]) -> list[int | None]:
        """Return each message's number in its stream once all are stored, in the given order.

        Tries again for as long as the bus is away. Raises Permanent when a stream refuses a message for good
        (too large), Fatal when this user may not publish it.
        """
        places: dict[int, int | None] = {}
        for chunk in _chunks(messages):
            numbers = await self._publish([messages[place] for place in chunk])
            places.update(zip(chunk, numbers, strict=True))
        return [places[place] for place in range(len(messages))]

    async def _publish(self, chunk: Sequence[Outgoing]) -> list[int | None]:
        if len(chunk) > 1:
            try:
                return await self._publish_batch(chunk)
            except Transient as error:
                log.debug("A batch goes out one by one.", reason=str(error), size=len(chunk))
        return list(await asyncio.gather(*(self._publish_one(message) for message in chunk)))

    async def _publish_batch(self, chunk: Sequence[Outgoing]) -> list[int | None]:
        await self._connection.up()
        batch = secrets.token_hex(12)
        for number, message in enumerate(chunk[:-1], start=1):
            headers = _batch_headers(message, batch, number)
            await self._connection.publish(message.subject, message.body, headers=headers)
        last = chunk[-1]
        headers = {**_batch_headers(last, batch, len(chunk)), "Nats-Batch-Commit": "1"}
        answer = await self._stored(last, headers)
        if answer.get("count") != len(chunk):
            raise Transient(f"the batch was stored with {answer.get('count')} messages")
        end = int(answer["seq"])
        return list(range(end - len(chunk) + 1, end + 1))

    async def _publish_one(self, message: Outgoing) -> int | None:
        pause = _PAUSE_S
        while True:
            await self._connection.up()
            try:
                answer = await self._stored(message, {"Nats-Msg-Id": message.msg_id})
                return int(answer["seq"]) or None
            except (Disconnected, Silent, Transient) as error:
                log.debug(
                    "A message is published again.", subject=message.subject, reason=str(error)
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _stored(self, message: Outgoing, headers: dict[str, str]) -> dict[str, Any]:
        answer = await self._connection.request(message.subject, message.body, headers=headers)
        found: dict[str, Any] = json.loads(answer.data or b"{}")
        error = found.get("error")
        if error is None:
            return found
        text = f"The bus does not store {message.subject}: {error.get('description', error)}."
        if error.get("code") == 400 and "Nats-Batch-Id" not in headers:
            raise Permanent(text)
        raise Transient(text)


def _batch_headers(message: Outgoing, batch: str, number: int) -> dict[str, str]:
    return {
        "Nats-Msg-Id": message.msg_id,
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(number),
    }


def _chunks(messages: Sequence[Outgoing]) -> Iterator[list[int]]:
    """Yield places of messages that may share a batch: one stream, not too many, not too large, no id twice."""
    order = sorted(range(len(messages)), key=lambda place: _stream_key(messages[place]))
    for _, places in groupby(order, key=lambda place: _stream_key(messages[place])):
        yield from _cut(list(places), messages)


def _cut(places: list[int], messages: Sequence[Outgoing]) -> Iterator[list[int]]:
    chunk: list[int] = []
    size, ids = 0, set[str]()
    for place in places:
        message = messages[place]
        full = len(chunk) >= BATCH or size + len(message.body) > _BATCH_BYTES
        if chunk and (full or message.msg_id in ids):
            yield chunk
            chunk, size, ids = [], 0, set()
        chunk.append(place)
        size += len(message.body)
        ids.add(message.msg_id)
    if chunk:
        yield chunk


def _stream_key(message: Outgoing) -> str:
    """Return what tells streams apart: `job.<stage>` is one each, `evt` is one for all."""
    first, _, rest = message.subject.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "job" else first


_Queued: TypeAlias = "tuple[Outgoing, asyncio.Future[None]]"


class Reporter:
    """Gathers what is said while a publish is under way into the next batch: no waiting when idle, one fsync for many."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._queued: list[_Queued] = []
        self._sending: asyncio.Task[None] | None = None

    async def say(self, message: Outgoing) -> None:
        """Return once the message is stored; errors as of `publish_many`."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queued.append((message, stored))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        await stored

    async def close(self) -> None:
        """Give up what is still unsent; its work is not acknowledged, so it comes again."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        while self._queued:
            queued, self._queued = self._queued[:BATCH], self._queued[BATCH:]
            try:
                await self._publisher.publish_many([message for message, _ in queued])
                _end(queued, None)
            except Permanent:
                await self._send_apart(queued)
            except BaseException as error:
                _end(queued + self._queued, error)
                self._queued = []
                if isinstance(error, asyncio.CancelledError):
                    raise

    async def _send_apart(self, queued: list[_Queued]) -> None:
        """Find the message that the stream refuses; the others are none the worse for it."""
        for message, stored in queued:
            try:
                await self._publisher.publish_many([message])
                _end([(message, stored)], None)
            except Permanent as error:
                _end([(message, stored)], error)


def _end(queued: list[_Queued], error: BaseException | None) -> None:
    for _, stored in queued:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            stored.cancel()
        else:
            stored.set_exception(error)
