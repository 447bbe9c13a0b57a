"""The downloader's real parts on a simulated iCloud and the real state service's books, without a bus: for integration tests."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from services.downloader.engine import Told, open_cloud
from services.downloader.handler import DownloadHandler
from services.downloader.library import Library
from services.downloader.look import Look
from services.downloader.settings import DownloaderSettings
from services.state import schema
from services.state.database import open_database
from shared.adapters.clock import SystemClock
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from shared.adapters.prometheus import Metrics
from shared.adapters.prometheus_icloud import ICloudMetrics
from shared.domain.errors import Permanent, Transient
from shared.domain.events import Failed, PageSeen, Report
from shared.domain.questions import SyncToken
from shared.domain.work_items import DownloadWork
from shared.runtime.settings import LibrarySettings
from tests.contracts.books_world import World
from tests.integration.icloud_sim import APPLE_ID, PASSWORD, Simulator, running
from tests.unit.downloader.fakes import FakeAttention

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.domain.icloud_checksum import StreamDigest


@dataclass(frozen=True)
class Account:
    """A simulated account that photoduct is signed in to, and a disk for what comes."""

    simulator: Simulator
    settings: ICloudSettings
    root: Path

    def fault(self, **fault: object) -> None:
        self.simulator.act("faults", **fault)

    def requests(self) -> Counter[str]:
        found = self.simulator._admin("GET", "/requests")["counts"]
        return Counter(found)

    def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.simulator._admin("GET", "/requests?log=1")["log"]
        return found

    def assets(self) -> dict[str, Any]:
        found: dict[str, Any] = self.simulator.truth(limit=10_000, sha256=1)["assets"]
        return found


@contextmanager
def account(tmp: Path, *synthetic: str, **settings: Any) -> Iterator[Account]:
    (tmp / "library").mkdir()
    words = [word for one in synthetic for word in ("--synthetic", one)]
    with (
        running(tmp / "library", tmp / "run", "--apple-id", APPLE_ID, *words) as simulator,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
        icloud = ICloudSettings(
            apple_id=APPLE_ID,
            session_dir=tmp / "session",
            server=simulator.base_url,
            ca_bundle=Path(simulator.ca),
            timeout=30,
            **settings,
        )
        login(icloud, PASSWORD, simulator.code)
        for area in ("incoming", "backup"):
            (tmp / "media" / area).mkdir(parents=True)
        simulator.act("requests", reset=True)
        yield Account(simulator, icloud, tmp / "media")


@dataclass
class Books:
    """The state service's books, and the bus between them and the downloader."""

    folder: Path
    said: list[Report] = field(default_factory=list)
    ended: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = open_database(f"sqlite:///{self.folder / 'media.db'}")
        self.world = World(self.engine)
        self.world.clock.time = SystemClock().now()

    async def say(self, report: Report) -> None:
        self.said.append(report)
        self.world.say(report)

    async def ask(self, name: str, question: Any, answer: type[Any]) -> Any:
        assert name == "sync_token"
        query = select(schema.zone.c.token).where(schema.zone.c.name == question.zone)
        with self.engine.connect() as connection:
            return SyncToken(token=connection.execute(query).scalar())

    @property
    def pages(self) -> list[PageSeen]:
        return [report for report in self.said if isinstance(report, PageSeen)]

    def wanted(self) -> list[DownloadWork]:
        """Return the downloads that are due now, once each."""
        self.world.tick()
        due, self.world.due = self.world.due, []
        works = [
            DownloadWork.model_validate_json(one.body)
            for one in due
            if one.task.stage == "download"
        ]
        return list({work.key: work for work in works}.values())

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


class Downloader:
    """One life of the downloader's parts."""

    def __init__(self, books: Books, look: Look, handle: DownloadHandler, metrics: Metrics) -> None:
        self.books, self.look, self.handle, self.metrics = books, look, handle, metrics
        self.attention = FakeAttention()

    async def work(self, *, at_once: int = 32) -> list[Report]:
        """Do all that is due, as the lanes would; return what was reported."""
        turns = asyncio.Semaphore(at_once)
        ended: list[Report] = []

        async def one(work: DownloadWork) -> None:
            async with turns:
                try:
                    reports = await self.handle(work)
                except (Transient, Permanent) as error:
                    lasting = "permanent" if isinstance(error, Permanent) else "transient"
                    at = self.books.world.clock.now()
                    reports = [work.outcome(Failed, at=at, lasting=lasting, reason=str(error))]
            for report in reports:
                ended.append(report)
                await self.books.say(report)

        while works := self.books.wanted():
            await asyncio.gather(*map(one, works))
        self.books.ended += ended
        return ended

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def downloader(place: Account, books: Books, **own: Any) -> AsyncIterator[Downloader]:
    settings = DownloaderSettings(**own)
    clock, metrics, attention = SystemClock(), Metrics(), FakeAttention()
    observe = ICloudMetrics(metrics.registry)
    told = Told(attention, observe, clock)
    library_place = LibrarySettings(root=place.root, free_space_floor=0)
    async with (
        open_session(place.settings) as session,
        open_cloud(settings, session, library_place, told) as cloud,
    ):
        look = Look(
            zones=cloud.zones,
            known=cloud.known,
            state=books,
            attention=attention,
            clock=clock,
            observe=observe,
        )
        library = Library(place.root, free_space_floor=0)
        handle = DownloadHandler(
            library=library, known=cloud.known, receive=cloud.receive, clock=clock
        )
        made = Downloader(books, look, handle, metrics)
        made.attention = attention
        yield made


def proven(place: Account, books: Books) -> None:
    """Hold the disk and the books against what iCloud holds: each file once, each byte right, nothing failed."""
    truth = Counter(
        file["sha256"] for asset in place.assets().values() for file in asset["resources"].values()
    )
    rows = [row for row in books.rows(schema.media) if row["resource"] != "record"]
    assert Counter(row["sha256"] for row in rows) == truth
    for row in books.rows(schema.media):
        assert row["local"] == "backup", row
        data = (place.root / "backup" / row["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert not list((place.root / "incoming").iterdir())


def digest(data: bytes) -> StreamDigest:
    from shared.domain.icloud_checksum import StreamDigest as Digest

    found = Digest()
    found.update(data)
    return found
