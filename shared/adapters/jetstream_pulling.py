"""Takes messages from one durable consumer, as many as its owner has room for; it can neither publish nor configure.

nats-py's `fetch(n)` lingers for its whole time-out when fewer than n are there; so this one keeps requests open
at the server, one answer subject each. Accounting: `_due` messages may still come. A request's end is told by a
status (with the number that it leaves unserved); a lost connection, or the end of all requests, makes it 0.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import structlog
from nats.errors import Error as NatsError

from shared.adapters.jetstream import Connection, Disconnected, status_of

if TYPE_CHECKING:
    from types import TracebackType

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

log = structlog.get_logger()
EXPIRES_S: Final = 5.0
_GRACE_S: Final = 1.0
_BACK_OFF_S: Final = 0.5
_MOST: Final = 2_000


class Message:
    """One delivery of JetStream."""

    def __init__(self, msg: Msg) -> None:
        self._msg = msg
        self.earlier: tuple[Message, ...] = ()
        """Of the last one of a `take`: the others of it."""

    @property
    def subject(self) -> str:
        """Where it was published."""
        return self._msg.subject

    @property
    def body(self) -> bytes:
        """What it says."""
        return self._msg.data

    @property
    def sequence(self) -> int:
        """Its number in its stream."""
        return self._msg.metadata.sequence.stream

    @property
    def delivered(self) -> int:
        """How often it has been delivered, this time included."""
        return self._msg.metadata.num_delivered

    async def ack(self) -> None:
        """Say that it is done with; of the last of a `take`, that all of the take is.

        Each is named to the bus. A consumer that acknowledges "everything up to here" would take deliveries that
        were lost with a connection for done.
        """
        for message in (*self.earlier, self):
            if not message._msg.is_acked:
                with suppress(NatsError):
                    await message._msg.ack()

    async def nak(self) -> None:
        """Give it back at once."""
        with suppress(NatsError):
            await self._msg.nak()

    async def term(self) -> None:
        """Say that nobody can ever make use of it."""
        with suppress(NatsError):
            await self._msg.term()

    async def in_progress(self) -> None:
        """Start the time for acknowledging anew."""
        with suppress(NatsError):
            await self._msg.in_progress()


@dataclass(slots=True)
class _Request:
    batch: int
    ends: float


class Puller:
    """Pulls from one consumer; use as `async with`. `room` is how many messages the owner can take at once."""

    def __init__(self, connection: Connection, stream: str, consumer: str, *, room: int) -> None:
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._consumer = consumer
        self._room = room
        self._due = 0
        self._requests: dict[str, _Request] = {}
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._paused = self._stopped = False
        self._not_before = 0.0
        self._count = 0
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._inbox = f"{self._connection.nats.new_inbox()}."
        self._subscription = await self._connection.subscribe(f"{self._inbox}*", self._on_message)
        self._connection.lost.append(self._forget)
        self._asking = asyncio.create_task(self._keep_asking())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def take(self, at_most: int = 1) -> list[Message]:
        """Wait for a message; return all that are there, in order, up to `at_most`. Give the room back with `free`."""
        taken = [await self._arrived.get()]
        while len(taken) < at_most and not self._arrived.empty():
            taken.append(self._arrived.get_nowait())
        taken[-1].earlier = tuple(taken[:-1])
        return taken

    def free(self, count: int = 1) -> None:
        """Say that the owner has room for `count` messages more, as it is done with them; below 0: for fewer."""
        self._room += count
        self._changed.set()

    @property
    def paused(self) -> bool:
        """True while it asks for nothing."""
        return self._paused

    def pause(self) -> None:
        """Ask for no more; what was asked for can still come for some seconds."""
        self._paused = True

    def resume(self) -> None:
        """Ask again."""
        self._paused = False
        self._changed.set()

    async def stop(self) -> None:
        """Unsubscribe, and give back at once whatever arrived and was not taken."""
        if self._stopped:
            return
        self._stopped = True
        self._connection.lost.remove(self._forget)
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._unsubscribe()
        while not self._arrived.empty():
            await self._arrived.get_nowait().nak()

    async def _unsubscribe(self) -> None:
        """Unsubscribe at the server first, so that what is on its way is still received (and given back)."""
        if self._subscription is None or not self._connection.nats.is_connected:
            return
        with suppress(NatsError, TimeoutError, OSError):
            async with asyncio.timeout(1):
                await self._subscription.drain()  # type: ignore[no-untyped-call]

    async def _keep_asking(self) -> None:
        while True:
            self._changed.clear()
            await self._connection.up()
            self._drop_ended()
            await self._ask_for_the_rest()
            with suppress(TimeoutError):  # not wait_for: Python 3.11's can swallow a cancellation
                async with asyncio.timeout(self._patience()):
                    await self._changed.wait()

    async def _ask_for_the_rest(self) -> None:
        wanted = min(self._room - self._due, _MOST)
        if self._paused or wanted <= 0 or self._now() < self._not_before:
            return
        self._count += 1
        token = str(self._count)
        self._requests[token] = _Request(wanted, self._now() + EXPIRES_S + _GRACE_S)
        self._due += wanted
        body = json.dumps({"batch": wanted, "expires": int(EXPIRES_S * 1e9)}).encode()
        with suppress(Disconnected):
            await self._connection.publish(self._subject, body, reply=self._inbox + token)

    async def _on_message(self, msg: Msg) -> None:
        status = status_of(msg.headers) if not msg.reply else ""
        if status:
            self._end_request(msg, status)
            return
        self._count_off()
        message = Message(msg)
        if self._stopped:
            await message.nak()
            return
        self._room -= 1
        self._arrived.put_nowait(message)

    def _count_off(self) -> None:
        """Book one message to the oldest request; which one it served is not told, but the sum is right."""
        self._due = max(0, self._due - 1)
        token = next(iter(self._requests), None)
        if token is not None:
            self._requests[token].batch -= 1
            if self._requests[token].batch <= 0:
                del self._requests[token]

    def _end_request(self, msg: Msg, status: str) -> None:
        request = self._requests.pop(msg.subject[len(self._inbox) :], None)
        unserved = request.batch if request else 0
        left = int((msg.headers or {}).get("Nats-Pending-Messages", unserved))
        self._due = max(0, self._due - left)
        if status != "408":  # 408 is the common end: nothing came in time
            log.debug(
                "The bus refused a pull.", consumer=self._consumer, status=dict(msg.headers or {})
            )
            self._not_before = self._now() + _BACK_OFF_S
        if not self._requests:
            self._due = 0
        self._changed.set()

    def _drop_ended(self) -> None:
        now = self._now()
        self._requests = {token: one for token, one in self._requests.items() if one.ends > now}
        if not self._requests:
            self._due = 0

    def _forget(self) -> None:
        """Forget all requests: the server that knew them is gone."""
        self._requests.clear()
        self._due = 0
        self._changed.set()

    def _patience(self) -> float:
        now = self._now()
        moments = [one.ends for one in self._requests.values()]
        if self._not_before > now:
            moments.append(self._not_before)
        return max(0.05, min(moments, default=now + EXPIRES_S) - now)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
