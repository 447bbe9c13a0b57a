"""Showing files to the phone: where they are found, whose reports they are, and what a failure costs of the window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.pixel_sync.handler import Stage
from services.pixel_sync.policy import Rules
from services.pixel_sync.ports import Freed, Held
from services.pixel_sync.watch import Watch
from services.pixel_sync.window import Window
from shared.domain.errors import Transient, Waiting
from shared.domain.events import GoogleEvidence, GoogleSuspect, Report, Staged, Unstaged
from shared.domain.ids import Area, GoogleLevel, Kind, Resource
from shared.domain.questions import GoogleWatch, WatchedFile
from shared.domain.work_items import FileRef, FileWork
from shared.ports.files import SourceMissing
from tests.unit.downloader.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from services.pixel_sync.ports import Holding, StagedFile


@dataclass
class FakePhone:
    """A phone whose Syncthing may be away."""

    away: bool = False
    gone: dict[str, Freed] = field(default_factory=dict)
    scanned: list[str] = field(default_factory=list)

    async def scan(self, path: str) -> None:
        if self.away:
            raise Transient("Syncthing is away")
        self.scanned.append(path)

    async def freed(self) -> Mapping[str, Freed]:
        return self.gone

    async def holdings(self, pending: Sequence[StagedFile]) -> Mapping[StagedFile, Holding]:
        return {file: Held() for file in pending}

    async def phone_seen(self) -> datetime | None:
        return FakeClock().now()


@dataclass
class WatchBus:
    """Answers with one page of watched files; keeps reports."""

    files: tuple[WatchedFile, ...] = ()
    said: list[Report] = field(default_factory=list)

    async def say(self, report: Report) -> None:
        self.said.append(report)

    async def ask(self, name: str, question: Any, answer: type[Any]) -> Any:
        assert name == "google_watch"
        return GoogleWatch(files=self.files if not question.after else ())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for area in ("backup", "delete_pending", "pixel"):
        (tmp_path / area).mkdir()
    return tmp_path


class Parts:
    def __init__(self, library: Path, most_files: int = 1) -> None:
        self.phone, self.library = FakePhone(), library
        self.window = Window(library / "pixel", most_files, 10_000)
        self.stage = Stage(library, self.phone, self.window, FakeClock())  # type: ignore[arg-type]

    def put(self, name: str, area: str = "backup") -> None:
        (self.library / area / name).write_bytes(b"12345")


def work(name: str) -> FileWork:
    file = FileRef(
        media=1, resource=Resource.ORIGINAL, area=Area.BACKUP, path=name, sha256="0" * 64, size=5
    )
    return FileWork(
        stage="pixel",
        key=1,
        attempt=1,
        asset="A1",
        created=FakeClock().now(),
        file=file,
        filename=name,
        kind=Kind.PHOTO,
    )


async def test_a_file_that_an_album_task_moved_is_shown_all_the_same(library: Path) -> None:
    it = Parts(library)
    it.put("a.jpg", "delete_pending")
    (report,) = await it.stage(work("a.jpg"))
    assert isinstance(report, Staged)
    assert (library / "pixel/a.jpg").read_bytes() == b"12345"


async def test_a_link_that_failed_gives_its_room_back(library: Path) -> None:
    it = Parts(library)
    with pytest.raises(SourceMissing):
        await it.stage(work("missing.jpg"))
    it.put("a.jpg")
    await it.stage(work("a.jpg"))
    it.put("b.jpg")
    with pytest.raises(Waiting, match="full"):
        await it.stage(work("b.jpg"))


async def test_a_link_that_could_not_be_scanned_stays_and_counts(library: Path) -> None:
    it = Parts(library)
    it.put("a.jpg")
    it.phone.away = True
    with pytest.raises(Transient):
        await it.stage(work("a.jpg"))
    assert (library / "pixel/a.jpg").exists()
    it.phone.away = False
    it.put("b.jpg")
    with pytest.raises(Waiting):
        await it.stage(work("b.jpg"))
    await it.stage(work("a.jpg"))
    assert it.phone.scanned == ["a.jpg"]


def watched(name: str, media: int, level: GoogleLevel, *, suspect: bool = False) -> WatchedFile:
    return WatchedFile(
        media=media,
        path=name,
        size=5,
        mtime_ns=1,
        asset=f"A{media}",
        level=level,
        level_since=FakeClock().now() - timedelta(days=30),
        suspect=suspect,
    )


async def test_every_report_of_the_watch_names_its_asset(library: Path) -> None:
    it, bus = Parts(library), WatchBus()
    it.put("done.jpg", "pixel")
    it.phone.gone = {"early.jpg": Freed(FakeClock().now())}
    bus.files = (
        watched("new.jpg", 1, GoogleLevel.STAGED),
        watched("done.jpg", 2, GoogleLevel.FREED),
        watched("early.jpg", 3, GoogleLevel.ARRIVED),
    )
    rules = Rules(settle_for=timedelta(days=60))
    await Watch(it.phone, it.window, bus.say, bus.ask, FakeClock(), rules).look()  # type: ignore[arg-type]
    named = {
        (type(one), one.media, one.asset)
        for one in bus.said
        if isinstance(one, GoogleEvidence | GoogleSuspect | Unstaged)
    }
    assert named == {(GoogleEvidence, 1, "A1"), (Unstaged, 2, "A2"), (GoogleSuspect, 3, "A3")}
