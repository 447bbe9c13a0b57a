"""Serves `/metrics`, `/healthz` and `/readyz` from the event loop, so that a blocked loop is seen; it takes no input."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.adapters.prometheus import Metrics

_PATIENCE_S: Final = 5.0
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class StatusPage:
    """A small HTTP server; `lacks` says in a sentence what the service cannot work without and has not, empty when it is ready."""

    def __init__(self, metrics: Metrics, lacks: Callable[[], Awaitable[str]]) -> None:
        self._metrics = metrics
        self._lacks = lacks
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one where 0 was asked for. OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(head.split(b" ", 2)))
                await writer.drain()
        writer.close()

    async def _answer(self, request: list[bytes]) -> bytes:
        path = request[1].split(b"?")[0] if len(request) == 3 and request[0] == b"GET" else b""
        if path == b"/metrics":
            self._metrics.ready.set(not await self._lacks())
            return _page("200 OK", self._metrics.page().decode())
        if path == b"/healthz":
            return _page("200 OK", "ok\n")
        if path == b"/readyz":
            lacks = await self._lacks()
            return _page(*(("503 Not Ready", f"{lacks}\n") if lacks else ("200 OK", "ready\n")))
        return _page("404 Not Found", "not found\n")


def _page(status: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {_TEXT}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
