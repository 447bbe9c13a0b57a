"""Streams one file from iCloud; it writes nothing and never holds more than a chunk."""

from __future__ import annotations

import re
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from shared.adapters.http_streams import transport
from shared.adapters.icloud_patience import Patience
from shared.adapters.icloud_session import carry, trust
from shared.adapters.icloud_signin_errors import unreachable
from shared.adapters.icloud_transport import slow
from shared.domain.errors import Transient
from shared.ports.icloud import Incoming, SlowedDown, Stalled, UrlExpired
from shared.ports.watching import Unobserved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from shared.adapters.icloud_session import ICloudSession
    from shared.adapters.icloud_signin import SignedIn
    from shared.ports.watching import Observe

_EXPIRED = frozenset({401, 403, 404, 410, 421})
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class ICloudDownload:
    """Fetches the bytes behind the addresses that records carry."""

    def __init__(
        self,
        session: ICloudSession,
        *,
        clients: Sequence[httpx.AsyncClient] = (),
        stall: float = 30.0,
        observe: Observe | None = None,
    ) -> None:
        self._session = session
        self._free = list(clients)
        self._carried: dict[httpx.AsyncClient, SignedIn] = {}
        self._timeout = httpx.Timeout(stall, connect=15, pool=None)
        self._observe = observe or Unobserved()
        self._patience = Patience(session.settings.session_dir, "downloads")

    @asynccontextmanager
    async def __call__(self, url: str, start: int) -> AsyncIterator[Incoming]:
        """Open the file at byte `start`, or at 0 where the server prefers that.

        Raises UrlExpired, Waiting, and Transient, the latter also while the chunks are read.
        """
        if not url.startswith("https://"):
            raise UrlExpired("iCloud gave no address to download from")
        self._patience.check()
        signed = await self._session.signed()
        try:
            async with (
                self._client(signed) as client,
                self._opened(client, url, start) as response,
            ):
                self._check_status(response)
                yield _incoming(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable() from error
        except httpx.ReadTimeout as error:
            raise Stalled("next to nothing arrived for too long") from error
        except (httpx.InvalidURL, UnicodeError):  # its text would show the address
            raise UrlExpired("iCloud gave no address to download from") from None
        except httpx.HTTPError as error:
            raise Transient(f"the download broke off ({type(error).__name__})") from error

    def _check_status(self, response: httpx.Response) -> None:
        """Raise for what is no file; a wish for patience is kept over a restart."""
        try:
            _check_status(response)
        except SlowedDown as error:
            self._patience.wished(error.retry_after)
            raise

    @asynccontextmanager
    async def _client(self, signed: SignedIn) -> AsyncIterator[httpx.AsyncClient]:
        """Lend a client of its own, the one with the warmest connection; the session's where all are lent."""
        if not self._free:
            yield self._session.client
            return
        client = self._free.pop()
        try:
            if self._carried.get(client) is not signed:
                carry(client, signed)
                self._carried[client] = signed
            yield client
        finally:
            self._free.append(client)

    @asynccontextmanager
    async def _opened(
        self, client: httpx.AsyncClient, url: str, start: int
    ) -> AsyncIterator[httpx.Response]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        began, outcome = time.monotonic(), "lost"
        request = client.build_request("GET", url, headers=headers, timeout=self._timeout)
        try:
            response = await client.send(request, stream=True)
            outcome = str(response.status_code)
        finally:
            self._observe.request("download", outcome, time.monotonic() - began)
        try:
            yield response
        finally:
            await response.aclose()


@asynccontextmanager
async def open_download(
    session: ICloudSession, *, connections: int, stall: float, observe: Observe | None = None
) -> AsyncIterator[ICloudDownload]:
    """Open so many clients of one connection each: httpx looks through all connections of a client at every request."""
    context = trust(session.settings)
    limits = httpx.Limits(max_connections=1, keepalive_expiry=60)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    verify=context,
                    limits=limits,
                    transport=transport(context),
                    follow_redirects=False,
                )
            )
            for _ in range(connections)
        ]
        yield ICloudDownload(session, clients=clients, stall=stall, observe=observe)


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in _EXPIRED:
        raise UrlExpired(f"iCloud no longer serves this address ({status})")
    if status in (429, 503):
        raise slow(response)
    if status not in (200, 206):
        raise Transient(f"iCloud answered the download with an error ({status})")


def _incoming(response: httpx.Response) -> Incoming:
    length = response.headers.get("Content-Length", "")
    if not length.isdigit():
        raise Transient("iCloud did not say how long the file is")
    return Incoming(_start(response), int(length), response.aiter_raw())


def _start(response: httpx.Response) -> int:
    if response.status_code == 200:
        return 0
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None:
        raise Transient("iCloud sent a part of the file and did not say which")
    return int(found.group(1))
