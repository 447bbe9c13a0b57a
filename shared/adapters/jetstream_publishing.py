"""Publishes into streams until it is stored; what waits together goes out together; it never gives up and never reads.

With `sync_interval: always` every stored message costs one fsync. Reports that wait while an earlier publish is under
way therefore leave as one message of many lines. (JetStream's atomic batches were measured and left: the server makes a
file store of its own for each, about four fsyncs, which pays only from dozens of messages on.)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from shared.adapters.jetstream import Connection, Disconnected, Silent
from shared.domain.errors import Permanent, Transient
from shared.ports.bus import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = structlog.get_logger()
LINE: Final = b"\n"
"""Parts the reports of one message; JSON holds none."""
_TOGETHER: Final = 500
_BUNDLE_BYTES: Final = 1 << 20
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
        return list(await asyncio.gather(*(self._publish(message) for message in messages)))

    async def _publish(self, message: Outgoing) -> int | None:
        pause = _PAUSE_S
        while True:
            await self._connection.up()
            try:
                answer = await self._stored(message)
                return int(answer["seq"]) or None
            except (Disconnected, Silent, Transient) as error:
                log.debug(
                    "A message is published again.", subject=message.subject, reason=str(error)
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _stored(self, message: Outgoing) -> dict[str, Any]:
        headers = {"Nats-Msg-Id": message.msg_id}
        answer = await self._connection.request(message.subject, message.body, headers=headers)
        found: dict[str, Any] = json.loads(answer.data or b"{}")
        error = found.get("error")
        if error is None:
            return found
        text = f"The bus does not store {message.subject}: {error.get('description', error)}."
        raise Permanent(text) if error.get("code") == 400 else Transient(text)


def bundles(messages: Sequence[Outgoing]) -> Iterator[Outgoing]:
    """Put messages of one subject into one, a line each, in order; the reader knows each by its own id."""
    by_subject: dict[str, list[Outgoing]] = {}
    for message in messages:
        by_subject.setdefault(message.subject, []).append(message)
    for same in by_subject.values():
        for group in _cut(same):
            yield group[0] if len(group) == 1 else _bundle(group)


def _cut(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    group: list[Outgoing] = []
    size = 0
    for message in messages:
        if group and size + len(message.body) > _BUNDLE_BYTES:
            yield group
            group, size = [], 0
        group.append(message)
        size += len(message.body)
    if group:
        yield group


def _bundle(group: Sequence[Outgoing]) -> Outgoing:
    ids = hashlib.sha256("\n".join(message.msg_id for message in group).encode()).hexdigest()
    return Outgoing(group[0].subject, LINE.join(message.body for message in group), ids)


_Queued: TypeAlias = "tuple[Outgoing, asyncio.Future[None]]"


class Reporter:
    """Gathers what is said while a publish is under way: no waiting when idle, one fsync for many."""

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
            queued, self._queued = self._queued[:_TOGETHER], self._queued[_TOGETHER:]
            try:
                for bundle in bundles([message for message, _ in queued]):
                    await self._publisher.publish_many([bundle])
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
