"""A real nats-server per test on a free port, with photoduct's users and streams."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from shared.adapters import nats_server
from shared.adapters.jetstream import Connection, Login, connect
from shared.adapters.nats_server import ServerFiles
from shared.runtime.bootstrap import bootstrap
from shared.runtime.bus_users import user_rules
from shared.runtime.preparing import BUS, HEALTH, prepare
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@dataclass
class RealNats:
    files: ServerFiles
    process: asyncio.subprocess.Process | None = None
    open: list[Connection] = field(default_factory=list)

    def login(self, user: str) -> Login:
        return Login(self.files.url, user, self.files.secrets / user)

    async def connect(self, user: str) -> Connection:
        connection = await connect(self.login(user))
        self.open.append(connection)
        return connection

    async def start(self) -> None:
        with (self.files.data / "nats.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(nats_server.find_binary()), "-c", str(self.files.config), stdout=log, stderr=log
            )
        await nats_server.answers(self.files.port)

    async def kill(self) -> None:
        assert self.process
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


class PreparedNats(RealNats):
    """A bus whose users' passwords lie in a folder each."""

    @override
    def login(self, user: str) -> Login:
        return Login(self.files.url, user, self.files.secrets / user / user)


@asynccontextmanager
async def containers_nats(
    folder: Path, *, more: Callable[[Path], None] | None = None
) -> AsyncIterator[RealNats]:
    """Run the configuration that the containers' bus gets, with this machine's places in it."""
    media = folder / "media"
    media.mkdir()
    if more is not None:
        more(folder)
    prepare(folder, media)
    nats = PreparedNats(ServerFiles(folder, free_port()))
    made = folder / "nats" / "nats.conf"
    text = made.read_text().replace(BUS, f"127.0.0.1:{nats.files.port}")
    text = text.replace(HEALTH, f"127.0.0.1:{free_port()}").replace("/nats/", f"{folder}/nats/")
    nats.files.config.write_text(text)
    async with _running(nats):
        yield nats


@asynccontextmanager
async def real_nats(folder: Path) -> AsyncIterator[RealNats]:
    nats = RealNats(ServerFiles(folder, free_port()))
    nats_server.write_config(nats.files, user_rules(nats.files.secrets))
    async with _running(nats):
        yield nats


@asynccontextmanager
async def _running(nats: RealNats) -> AsyncIterator[None]:
    await nats.start()
    try:
        await bootstrap(nats.login("admin"))
        yield
    finally:
        await asyncio.gather(*(connection.close() for connection in nats.open))
        await nats.kill()
