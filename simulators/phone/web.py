"""Serves Starlette routes on one port inside the running loop, on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.routing import Route


class _QuietServer(uvicorn.Server):
    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the simulator's main, which has more than this to stop."""
        yield


class WebServer:
    """A started server; `stop` cuts long polls off after a second."""

    def __init__(self, routes: list[Route], port: int, host: str = "127.0.0.1") -> None:
        config = uvicorn.Config(
            Starlette(routes=routes),
            host=host,
            port=port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            # an idle client of a stopped simulator must not meet a half-closed connection
            timeout_keep_alive=60,
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve; returns when the port answers."""
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                await self._task
                message = "the web server ended before it started"
                raise OSError(message)
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop serving and wait for it."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
