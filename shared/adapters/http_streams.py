"""An httpx transport that reads in large pieces; it sends nothing of its own and follows nothing.

httpcore's usual network layer wakes up for every TLS record of 16 KB. asyncio's own streams bring up to 256 KB a
wake-up, which is a third of a download's processor time. A network layer of one's own is what httpcore provides for.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.request import getproxies

import httpcore
import httpx
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_AHEAD: Final = 256 << 10
"""Bytes a connection reads ahead, at most twice of it."""
_IDLE: Final = 60.0
"""Seconds after which an unused connection is closed."""


def transport(context: ssl.SSLContext) -> httpx.AsyncHTTPTransport | None:
    """Return a transport of one connection; None where the environment names a proxy, which is httpx's business."""
    return None if getproxies() else _Transport(context)


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=1,
            keepalive_expiry=_IDLE,
            network_backend=_Backend(),
        )


class _Backend(httpcore.AsyncNetworkBackend):
    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async with _told(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
            local = (local_address, 0) if local_address else None
            reader, writer = await asyncio.open_connection(
                host, port, limit=_AHEAD, local_addr=local
            )
        for option in socket_options or ():
            writer.get_extra_info("socket").setsockopt(*option)
        return _Stream(reader, writer)

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        async with _told(timeout, httpcore.ReadTimeout, httpcore.ReadError):
            return await self._reader.read(max_bytes)

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        async with _told(timeout, httpcore.WriteTimeout, httpcore.WriteError):
            self._writer.write(buffer)
            await self._writer.drain()

    @override
    async def aclose(self) -> None:
        self._writer.close()
        with suppress(OSError, asyncio.TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with _told(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            self._writer.close()
            raise
        return self

    @override
    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: its end has come
            return self._reader.at_eof() or self._writer.is_closing()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._writer.get_extra_info(names.get(info, info))


@asynccontextmanager
async def _told(
    timeout: float | None,  # noqa: ASYNC109
    late: type[Exception],
    broken: type[Exception],
) -> AsyncIterator[None]:
    """Turn what asyncio raises into httpcore's errors."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except (OSError, ssl.SSLError) as error:
        raise broken(str(error)) from error
