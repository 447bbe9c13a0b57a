"""The embedded pipeline as processes: nats-server, state service, five workers; on a data folder of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.shared.processes import FAST, Disk, Program
from benchmarks.spine.books import Books
from benchmarks.spine.postgres import postgres
from shared.adapters import nats_server
from shared.adapters.jetstream import Connection, Login, connect
from shared.adapters.nats_server import ServerFiles
from shared.domain.pipeline import SERVICES
from shared.runtime.bootstrap import bootstrap
from shared.runtime.bus_users import user_rules
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT: Final = Path(__file__).parents[2]
WORKERS: Final = tuple(service.name for service in SERVICES)
OPEN_WIDE: Final = {
    "google_evidence": "freed",
    "dwell": "0s",
    "minimum_age": "0s",
    "max_items_run": "1000000",
    "max_items_day": "1000000",
    "max_percent_day": "100",
    "local_purge_after": "0s",
}
"""Rules of deletion under which nothing waits; every clause of the gate is still evaluated."""


@dataclass
class Stack:
    """The running programs, by name, and where everything is."""

    folder: Path
    files: ServerFiles
    database: str
    disk: Disk
    programs: dict[str, Program] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The settings of every process."""
        rules = {f"PHOTODUCT_DELETION__{key.upper()}": value for key, value in OPEN_WIDE.items()}
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **rules,
            "PYTHONPATH": str(ROOT),
            "PHOTODUCT_DATA": str(self.folder),
            "PHOTODUCT_NATS__URL": self.files.url,
            "PHOTODUCT_LOGS__LEVEL": "warning",
            "PHOTODUCT_ICLOUD_CLEANUP__ENABLED": "true",
            "PHOTODUCT_STATE__DATABASE_URL": self.database,
        }

    async def bus(self, user: str) -> Connection:
        """Connect as one of the bus' users."""
        return await connect(Login(self.files.url, user, self.files.secrets / user))

    def books(self) -> Books:
        """Open the database for reading."""
        return Books(self.database)

    def check(self) -> None:
        """Raise RuntimeError when one of the programs has ended."""
        for program in self.programs.values():
            program.check()

    async def start_nats(self) -> None:
        """Start the server and make the streams."""
        nats_server.write_config(self.files, user_rules(self.files.secrets))
        binary = str(nats_server.find_binary())
        self.add("nats-server", [binary, "-c", str(self.files.config)], self.disk)
        await nats_server.answers(self.files.port)
        await bootstrap(Login(self.files.url, "admin", self.files.secrets / "admin"))

    def start_state(self) -> None:
        """Start the state service."""
        self.add("state", [sys.executable, "-m", "services.state"], self.disk)

    def start_workers(self) -> None:
        """Start the five workers; they write nothing, so no disk slows them."""
        for name in WORKERS:
            self.add(name, [sys.executable, "-m", "benchmarks.spine.worker", name])

    def add(self, name: str, command: list[str], disk: Disk = FAST) -> None:
        """Start one program."""
        self.programs[name] = Program(name, command, self.folder, disk, self.env)

    async def stop(self, *names: str) -> None:
        """Stop these programs, in order."""
        for name in names:
            if name in self.programs:
                await self.programs.pop(name).stop()


@asynccontextmanager
async def stack(database: str, disk: Disk = FAST, *, workers: bool = True) -> AsyncIterator[Stack]:
    """Run the pipeline on `sqlite` or `postgres`; everything is gone afterwards."""
    async with AsyncExitStack() as exits:
        name = exits.enter_context(
            tempfile.TemporaryDirectory(prefix="spine-", ignore_cleanup_errors=True)
        )
        folder = Path(name)
        url, server = f"sqlite:///{folder}/media.db", None
        if database == "postgres":
            url, server = await exits.enter_async_context(postgres(disk))
        made = Stack(folder, ServerFiles(folder, free_port()), url, disk)
        if server is not None:
            made.programs["postgres"] = server
        exits.push_async_callback(made.stop, *WORKERS, "state", "nats-server")
        await made.start_nats()
        made.start_state()
        if workers:
            made.start_workers()
        yield made
