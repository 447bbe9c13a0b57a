"""Runs photoduct's downloader with the state service and the bus, as `photoduct up` does; no other service, so nothing leaves the disk again."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import time
import urllib.request
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog
import yaml

from shared.cli.asking import operator
from shared.domain.errors import Transient
from shared.domain.ids import OWN_ZONE, Area
from shared.domain.questions import AskSyncToken, SyncToken
from shared.runtime.settings import Common, load_common
from shared.runtime.supervisor import Supervisor
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.downloader.apple import Apple

DOWNLOADER: Final = "downloader"
_LOOK: Final = "look"


@dataclass(slots=True)
class Product:
    """One installation on folders of its own; it may be started more than once."""

    folder: Path
    apple: Apple
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings by section, beside those that every measurement has."""
    port: int = field(default_factory=free_port)
    """The bus'."""

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "config.yaml"

    @property
    def backup(self) -> Path:
        """Where finished files lie."""
        return self.folder / "media" / Area.BACKUP

    @property
    def incoming(self) -> Path:
        """Where partial files lie."""
        return self.folder / "media" / Area.INCOMING

    @property
    def database(self) -> Path:
        """The books."""
        return self.folder / "data" / "media.db"

    @property
    def common(self) -> Common:
        """The settings as the services read them."""
        return load_common(self.config)

    async def install(self) -> None:
        """Make the folders, sign in and write the settings."""
        for area in Area:
            (self.folder / "media" / area).mkdir(parents=True)
        await self.apple.sign_in(self.folder / "data" / "session")
        self.write_settings()

    def write_settings(self) -> None:
        """Write the settings file, for the next start."""
        session = self.folder / "data" / "session"
        made: dict[str, dict[str, Any] | str] = {
            "library": {"root": str(self.folder / "media"), "free_space_floor": 1_000_000_000},
            "data": str(self.folder / "data"),
            "nats": {"url": f"nats://127.0.0.1:{self.port}"},
            "icloud": self.apple.settings(session).model_dump(
                mode="json", include={"apple_id", "server", "ca_bundle", "session_dir"}
            ),
            "rhythm": {"downloader": "1h"},
            "logs": {"level": "warning"},
        }
        for section, values in self.settings.items():
            before = made.get(section, {})
            assert isinstance(before, dict)
            made[section] = before | values
        self.config.write_text(yaml.safe_dump(made, sort_keys=False))

    @asynccontextmanager
    async def running(self, *services: str) -> AsyncIterator[Supervisor]:
        """Run the bus and these services (default: state and downloader) until the end of the block."""
        names = services or ("state", DOWNLOADER)
        async with Supervisor(self.common, self.config, services=names) as processes:
            yield processes

    def remove_files(self) -> None:
        """Remove the finished files, for room on the disk; nothing of photoduct may be running."""
        shutil.rmtree(self.backup)

    def number(self, query: str) -> int:
        """Return the one number that a query finds in the books; 0 while there are none."""
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as books,
        ):
            return int(books.execute(query).fetchone()[0])
        return 0

    def downloaded(self) -> int:
        """Return how many files, records included, are recorded as downloaded."""
        return self.number("SELECT count(*) FROM media WHERE sha256 IS NOT NULL")

    def media(self) -> int:
        """Return how many files, records included, are known."""
        return self.number("SELECT count(*) FROM media")

    def assets(self) -> int:
        """Return how many assets are known."""
        return self.number("SELECT count(*) FROM asset")

    async def until_downloaded(
        self, assets: int, processes: Supervisor, every: float = 0.1
    ) -> float:
        """Return the moment (time.perf_counter) at which every file of so many assets was seen as recorded."""
        while not (
            self.assets() >= assets and (wanted := self.media()) and self.downloaded() >= wanted
        ):
            alive(processes)
            await asyncio.sleep(every)
        return time.perf_counter()

    async def look_now(self) -> None:
        """Ask a running downloader to look at iCloud, as `photoduct run downloader` does."""
        async with operator(self.common) as one:
            await one.run_now(DOWNLOADER)

    async def state_answers(self) -> None:
        """Return when the state service answers, as after a long uptime."""
        asked = AskSyncToken(zone=OWN_ZONE)
        async with operator(self.common) as one:
            while True:
                with suppress(Transient):
                    await one.ask("sync_token", asked, SyncToken)
                    return
                await asyncio.sleep(0.05)

    async def last_look(self) -> float:
        """Return when (epoch seconds) a look last ended well; 0 before the first, or while nobody tells."""
        return await asyncio.to_thread(self._gauge, "photoduct_last_success_timestamp_seconds")

    def _gauge(self, name: str) -> float:
        with suppress(OSError, ValueError):
            told = yaml.safe_load((self.common.run / f"{DOWNLOADER}.json").read_text())
            url = f"http://{told['host']}:{told['port']}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                page = answer.read().decode()
            found = re.search(rf'^{name}{{stage="{_LOOK}"}} (\S+)$', page, re.MULTILINE)
            return float(found[1]) if found else 0.0
        return 0.0


def alive(processes: Supervisor) -> None:
    """Raise RuntimeError when the supervisor has given a service up."""
    for task in processes._keeping:
        if task.done() and (error := task.exception()) is not None:
            raise RuntimeError("a service gave up") from error


def quiet(level: int) -> None:
    """Show only log lines of this process of at least `level`: a kill that we made is no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
