"""Runs the whole product on one machine: nats-server and every service as a process of its own; it touches no photo.

async with Supervisor(common, config) as running:
    await running.wait()          # until SIGTERM, SIGINT or stop(); raises Fatal when a service gives up
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import structlog
from filelock import FileLock, Timeout

from shared.adapters import nats_server
from shared.adapters.jetstream import Login
from shared.adapters.nats_server import ServerFiles
from shared.domain.errors import Fatal
from shared.domain.pipeline import PIXEL_SYNC, SERVICES, STATE
from shared.runtime.bootstrap import bootstrap
from shared.runtime.bus_users import user_rules
from shared.runtime.child import Child
from shared.runtime.permissions import ADMIN
from shared.runtime.running import end_on_signals, forget_signals
from shared.runtime.settings import CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from shared.runtime.settings import Common

log = structlog.get_logger()
ALL: Final = (STATE.name, *(service.name for service in SERVICES))
NATS: Final = "nats"
_SECRETIVE: Final = (STATE.name, PIXEL_SYNC.name)
"""Services whose own part of the settings has a secret, which nobody else reads."""
_SERVICES_S: Final = 8.5
_NATS_S: Final = 1.0


class Supervisor:
    """Everything that runs for one data directory; a second one is refused before it touches anything."""

    def __init__(
        self,
        common: Common,
        config: Path,
        *,
        services: Sequence[str] = ALL,
        console: bool = False,
    ) -> None:
        self._common = common
        self._config = config.absolute()
        self._console = console
        self._names = tuple(services)
        self._files = ServerFiles(common.data.absolute(), own_port(common.nats.url))
        self._lock = FileLock(common.data / "photoduct.lock")
        self._children: dict[str, Child] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._common.data.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise Fatal(f"photoduct runs already on {self._common.data}; stop it first.") from error
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def wait(self) -> None:
        """Return after SIGTERM, SIGINT or `stop`; raises Fatal with the sentence of the service that gave up."""
        end_on_signals(self._ended)
        try:
            ends: set[asyncio.Future[None]] = {self._ended, *self._keeping}
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            forget_signals()

    def stop(self) -> None:
        """Let `wait` return."""
        if not self._ended.done():
            self._ended.set_result(None)

    def alive(self) -> dict[str, int]:
        """Return the process ids of what runs right now, by name; nats-server is `nats`."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    async def _start(self) -> None:
        binary = nats_server.find_binary()
        await nats_server.check_version(binary)
        nats_server.check_port(self._files.port)
        nats_server.write_config(self._files, user_rules(self._common.secrets))
        (self._common.data / "logs").mkdir(exist_ok=True)
        await self._launch(NATS, (str(binary), "-c", str(self._files.config)))
        await nats_server.answers(self._files.port)
        await bootstrap(Login(self._files.url, ADMIN, self._common.secrets / ADMIN))
        for name in self._names:
            await self._launch(name, (sys.executable, "-m", f"services.{name}"))

    async def _launch(self, name: str, command: tuple[str, ...]) -> None:
        environment = {
            **environment_of(name, os.environ),
            CONFIG: str(self._config),
            "PYTHONUNBUFFERED": "1",
        }
        path = None if self._console else self._common.data / "logs" / f"{name}.log"
        child = Child(name, command, environment, path)
        await child.start()
        self._children[name] = child
        self._keeping.append(asyncio.create_task(child.keep_alive()))

    async def _stop(self) -> None:
        """End the services while the bus still takes what they give back, and the bus after them."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        nats = self._children.pop(NATS, None)
        await asyncio.gather(*(child.stop(_SERVICES_S) for child in self._children.values()))
        if nats is not None:
            await nats.stop(_NATS_S)
        self._lock.release()


def environment_of(name: str, everything: Mapping[str, str]) -> dict[str, str]:
    """Return what a process gets of our environment: nothing of another service's part of the settings that has a secret."""
    foreign = tuple(f"PHOTODUCT_{owner}".upper() for owner in _SECRETIVE if owner != name)
    return {key: value for key, value in everything.items() if not key.upper().startswith(foreign)}


def own_port(url: str) -> int:
    """Return the port of a bus that we run ourselves; Fatal when the address is not of this machine."""
    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "localhost", "::1"} or not parts.port:
        raise Fatal(f"nats.url is {url}: here photoduct runs its own bus, at 127.0.0.1 and a port.")
    return parts.port
