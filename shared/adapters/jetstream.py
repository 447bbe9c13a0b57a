"""A connection to NATS that never gives up: one user's requests and answers; it can neither create nor delete a stream.

A denied subject looks like silence to the caller, and the reason reaches a callback only: so a permissions
violation ends every open request, and the connection's `fatal` future, with Fatal, unless it is of mere figures. A lost connection ends them
with Disconnected; the callers that must not give up wait for `connected` and try again.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError, MaxPayloadError

from shared.domain.errors import Fatal, Permanent, PhotoductError, Transient
from shared.domain.pipeline import alive_subject, progress_subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

log = structlog.get_logger()
_RECONNECT_S: Final = 0.1
_REFUSALS: Final = ("permissions violation", "authorization violation")
_FIGURES: Final = (f'to "{alive_subject("")}', f'to "{progress_subject("")}')
"""Nothing is decided by what is said there: no right to it, as with a bus that is older than its worker, stops nobody."""
_LATE_ANSWER: Final = 'permissions violation for publish to "_inbox_'
"""A question lets one answer through; a server that was started anew meanwhile knows nothing of it."""


class Disconnected(Transient):
    """The connection broke while an answer was awaited: whether the request took effect is not known."""


class Silent(Transient):
    """Nobody answered in time, or nobody listens."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where the bus is, and as whom to connect; the password is read from a file, and only for connecting."""

    url: str
    user: str
    password_file: Path
    ca: Path | None = None
    """Whom to trust at a `tls://` address (PEM) in place of the system's authorities."""

    def tls(self) -> dict[str, Any]:
        """Return what the client has to be told for a `tls://` address; Fatal when the certificates cannot be read.

        The handshake comes first, so that nobody in between can talk the client out of it.
        """
        if not self.url.startswith("tls://"):
            return {}
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise Fatal(f"nats.ca: {self.ca} cannot be used ({error.strerror}).") from error
        return {"tls": context, "tls_handshake_first": True}

    @property
    def inbox(self) -> str:
        """The only subjects on which this user may receive answers."""
        return inbox_of(self.user)

    def password(self) -> str:
        """Read the password; Fatal when the file cannot be read."""
        try:
            return self.password_file.read_text().strip()
        except OSError as error:
            raise Fatal(f"The bus password of {self.user} cannot be read: {error}.") from error


def inbox_of(user: str) -> str:
    """Return the prefix of a user's own answer subjects."""
    return f"_INBOX_{user}"


class Connection:
    """One user's connection; made by `connect`, ended by `close`."""

    def __init__(self, login: Login) -> None:
        loop = asyncio.get_running_loop()
        self.nats = Client()
        self.connected = asyncio.Event()
        self.fatal: asyncio.Future[None] = loop.create_future()
        self.lost: list[Callable[[], None]] = []
        """Called on each loss of the connection."""
        self._login = login
        self._proof = {"password": login.password(), **login.tls()}
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._prefix = ""
        self._count = 0
        self._closing = False
        self._warned: set[str] = set()

    async def open(self) -> Self:
        """Connect, however long the server takes to appear; Fatal when it refuses the user."""
        login = self._login
        connecting = asyncio.ensure_future(
            self.nats.connect(
                login.url,
                user=login.user,
                name=login.user,
                inbox_prefix=login.inbox,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT_S,  # type: ignore[arg-type]  # seconds, may be a fraction
                connect_timeout=5,
                ping_interval=10,
                pending_size=32 << 20,
                error_cb=self._on_error,
                disconnected_cb=self._on_lost,
                reconnected_cb=self._on_connected,
                closed_cb=self._on_closed,
                **self._proof,
            )
        )
        await asyncio.wait({connecting, self.fatal}, return_when=asyncio.FIRST_COMPLETED)
        if self.fatal.done():
            connecting.cancel()
            self.fatal.result()
        await connecting
        self._prefix = f"{self.nats.new_inbox()}."
        await self.nats.subscribe(f"{self._prefix}*", cb=self._on_answer)
        self.connected.set()
        return self

    async def close(self) -> None:
        """Send what is pending, then disconnect."""
        self._closing = True
        with suppress(NatsError, OSError, asyncio.TimeoutError):
            if self.nats.is_connected:
                await self.nats.flush(timeout=1)
        with suppress(NatsError, OSError):
            await self.nats.close()

    async def request(
        self,
        subject: str,
        body: bytes,
        *,
        headers: dict[str, str] | None = None,
        within: float = 5.0,
    ) -> Msg:
        """Return the first answer; Silent, Disconnected or Fatal without one. `within` in seconds."""
        self.check()
        self._count += 1
        token = str(self._count)
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._waiting[token] = answer
        try:
            await self.nats.publish(subject, body, reply=self._prefix + token, headers=headers)
            async with asyncio.timeout(within):
                return _heard(await answer, subject)
        except TimeoutError as error:
            raise Silent(f"Nobody answered {subject} within {within:g} s.") from error
        except NatsError as error:
            raise _sorted(error, subject) from error
        finally:
            self._waiting.pop(token, None)

    async def publish(
        self, subject: str, body: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send without waiting for anything; Disconnected when it cannot even be queued."""
        try:
            await self.nats.publish(subject, body, reply=reply, headers=headers)
        except NatsError as error:
            raise _sorted(error, subject) from error

    async def subscribe(
        self, subject: str, on_message: Callable[[Msg], Awaitable[None]], *, queue: str = ""
    ) -> Subscription:
        """Have `on_message` called for each message, one after the other."""
        return await self.nats.subscribe(subject, queue=queue, cb=on_message)

    async def up(self) -> None:
        """Return once connected; Fatal when that will never be."""
        if not self.connected.is_set():
            waiting = asyncio.ensure_future(self.connected.wait())
            ends: set[asyncio.Future[Any]] = {waiting, self.fatal}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        self.check()

    def check(self) -> None:
        """Raise Fatal when the server has refused something."""
        if self.fatal.done() and not self.fatal.cancelled():
            self.fatal.result()

    async def _on_answer(self, msg: Msg) -> None:
        answer = self._waiting.get(msg.subject[len(self._prefix) :])
        if answer is not None and not answer.done():
            answer.set_result(msg)

    async def _on_connected(self) -> None:
        log.info("Connected to the bus again.")
        self.connected.set()

    async def _on_lost(self) -> None:
        if self.connected.is_set() and not self._closing:
            log.warning("The connection to the bus is lost; trying to connect again.")
        self.connected.clear()
        self._end_all(Disconnected("The connection to the bus was lost."))
        for call in self.lost:
            call()

    async def _on_closed(self) -> None:
        if not self._closing:
            self._die(Fatal("The connection to the bus was closed for good."))

    async def _on_error(self, error: Exception) -> None:
        text = str(error)
        if _LATE_ANSWER in text.lower():
            log.info("The bus took an answer no more: it has started anew since the question.")
        elif any(subject in text.lower() for subject in _FIGURES):
            self._warn_once(text)
        elif any(word in text.lower() for word in _REFUSALS):
            self._die(Fatal(f"The bus refuses the user {self._login.user}: {text}."))
        elif isinstance(error, ssl.SSLCertVerificationError):
            self._die(
                Fatal(
                    f"The certificate of the bus at {self._login.url} is not trusted here (nats.ca): "
                    f"{error.verify_message}."
                )
            )
        else:
            log.debug("The bus connection had a problem.", error=repr(error))

    def _warn_once(self, reason: str) -> None:
        if reason not in self._warned:
            self._warned.add(reason)
            log.warning("The bus takes no figures: start it anew, it is older.", reason=reason)

    def _die(self, error: Fatal) -> None:
        if not self.fatal.done():
            self.fatal.set_exception(error)
            self.fatal.exception()  # looked at: a future nobody waits for must not warn
        self._end_all(error)

    def _end_all(self, error: Exception) -> None:
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(error)


def _sorted(error: NatsError, subject: str) -> PhotoductError:
    if isinstance(error, MaxPayloadError):
        return Permanent(f"A message for {subject} is larger than the bus takes.")
    return Disconnected(f"The bus cannot take {subject} now: {error}.")


def _heard(msg: Msg, subject: str) -> Msg:
    if status_of(msg.headers) == "503" and not msg.data:
        raise Silent(f"Nobody listens on {subject}.")
    return msg


def status_of(headers: Mapping[str, Any] | None) -> str:
    """Return the status with which the server itself answered, or an empty string."""
    return str((headers or {}).get("Status", ""))[:3]


async def connect(login: Login) -> Connection:
    """Open a connection; Fatal when the user is refused."""
    connection = Connection(login)
    try:
        return await connection.open()
    except BaseException:
        await connection.close()
        raise
