"""The local files of assets on their way out, and who may reach the delete call."""

import ast
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.icloud_cleanup.handler import AlbumHandler, PurgeHandler, ReturnHandler
from services.icloud_cleanup.library import Library
from shared.adapters.finding import find_file
from shared.domain.errors import Permanent, Transient, Waiting
from shared.domain.events import AlbumAdded, AlbumReturned, AlbumVetoed, Purged, PurgeKept
from shared.domain.ids import Area, Resource
from shared.domain.questions import ClaimedPurge, ClaimPurge
from shared.domain.work_items import AssetWork, FileRef
from shared.ports.clock import Clock
from shared.ports.files import Occupied, SourceMissing, UnsafePath
from tests.unit.downloader.fakes import FakeClock

DATA = b"bytes of a photo"


class FakeAlbum:
    def __init__(self) -> None:
        self.held: list[str] = []
        self.trouble: Exception | None = None

    async def add(self, asset: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.held.append(asset)

    async def holds(self, asset: str) -> bool:
        return asset in self.held


def ref(path: str = "2026/11/a.jpg", area: Area = Area.BACKUP) -> FileRef:
    return FileRef(
        media=1,
        resource=Resource.ORIGINAL,
        area=area,
        path=path,
        sha256=hashlib.sha256(DATA).hexdigest(),
        size=len(DATA),
    )


def work(*files: FileRef) -> AssetWork:
    return AssetWork(
        stage="album",
        key=1,
        attempt=1,
        asset="A1",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        zone="PrimarySync",
        change_tag="1/2",
        files=files,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for area in ("backup", "delete_pending"):
        (tmp_path / area / "2026/11").mkdir(parents=True)
    (tmp_path / "backup/2026/11/a.jpg").write_bytes(DATA)
    return tmp_path


async def test_files_go_to_delete_pending_and_come_back_and_twice_is_once(root: Path) -> None:
    album, clock = FakeAlbum(), FakeClock()
    away = AlbumHandler(library=Library(root), album=album, clock=clock)
    for _ in range(2):
        (report,) = await away(work(ref()))
        assert isinstance(report, AlbumAdded)
    assert (root / "delete_pending/2026/11/a.jpg").read_bytes() == DATA
    assert not (root / "backup/2026/11/a.jpg").exists()
    assert album.held == ["A1", "A1"]
    back = ReturnHandler(library=Library(root), clock=clock)
    for _ in range(2):
        (returned,) = await back(work(ref(area=Area.DELETE_PENDING)))
        assert isinstance(returned, AlbumReturned)
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


async def test_without_the_album_nothing_is_reported(root: Path) -> None:
    album = FakeAlbum()
    album.trouble = Transient("iCloud declined")
    with pytest.raises(Transient):
        await AlbumHandler(library=Library(root), album=album, clock=FakeClock())(work(ref()))


async def test_a_file_that_waits_there_with_other_bytes_is_left(root: Path) -> None:
    (root / "delete_pending/2026/11/a.jpg").write_bytes(b"other bytes here")
    handler = AlbumHandler(library=Library(root), album=FakeAlbum(), clock=FakeClock())
    with pytest.raises(Occupied):
        await handler(work(ref()))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


@dataclass
class Gate:
    """The state service's answer to `claim_purge`, and what it was asked."""

    answer: ClaimedPurge
    asked: list[ClaimPurge] = field(default_factory=list)

    async def __call__(self, name: str, question: Any, answer: type[Any]) -> Any:
        assert (name, answer) == ("claim_purge", ClaimedPurge)
        self.asked.append(question)
        return self.answer


@dataclass
class PassingClock:
    """Each look at it finds it later."""

    time: datetime
    step: timedelta

    def now(self) -> datetime:
        self.time += self.step
        return self.time


NOW = FakeClock().now()


def permit(*media: int) -> Gate:
    return Gate(ClaimedPurge(deadline=NOW + timedelta(seconds=60), media=media or (1,)))


def purger(root: Path, gate: Gate, clock: Clock | None = None) -> PurgeHandler:
    return PurgeHandler(library=Library(root), ask=gate, clock=clock or FakeClock())


def put(root: Path, place: str, data: bytes = DATA) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def photos(root: Path) -> list[Path]:
    return list(root.rglob("*.jpg"))


@pytest.mark.parametrize("said", [Area.BACKUP, Area.DELETE_PENDING])
@pytest.mark.parametrize("lies", ["backup", "delete_pending"])
async def test_a_permitted_purge_finds_the_file_in_either_area_and_twice_is_once(
    root: Path, said: Area, lies: str
) -> None:
    (root / "backup/2026/11/a.jpg").rename(root / lies / "2026/11/a.jpg")
    gate = permit()
    for _ in range(2):
        (report,) = await purger(root, gate)(work(ref(area=said)))
        assert report == work().outcome(Purged, at=NOW, media=(1,))
    assert not photos(root)
    assert gate.asked == [ClaimPurge(asset="A1", attempt=1)] * 2


async def test_a_purge_that_was_handed_out_asks_again_before_it_removes(root: Path) -> None:
    gate = Gate(ClaimedPurge(deadline=None, media=(1,), reasons=("restored",)))
    (report,) = await purger(root, gate)(work(ref()))
    assert report == work().outcome(PurgeKept, at=NOW, reasons=("restored",))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


async def test_without_an_answer_nothing_is_removed(root: Path) -> None:
    async def nobody(name: str, question: Any, answer: type[Any]) -> Any:
        raise Transient("nobody answers")

    handler = PurgeHandler(library=Library(root), ask=nobody, clock=FakeClock())
    with pytest.raises(Transient, match="nobody"):
        await handler(work(ref()))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


async def test_only_permitted_media_are_removed(root: Path) -> None:
    kept = put(root, "delete_pending/2026/11/b.jpg")
    other = ref("2026/11/b.jpg", Area.DELETE_PENDING).model_copy(update={"media": 2})
    (report,) = await purger(root, permit(1, 7))(work(ref(), other))
    assert isinstance(report, Purged)
    assert report.media == (1,)
    assert kept.read_bytes() == DATA
    assert not (root / "backup/2026/11/a.jpg").exists()


async def test_a_permit_that_ran_out_stops_before_the_next_file(root: Path) -> None:
    second = put(root, "delete_pending/2026/11/b.jpg")
    other = ref("2026/11/b.jpg", Area.DELETE_PENDING).model_copy(update={"media": 2})
    files = ref(), other
    clock = PassingClock(NOW, timedelta(seconds=30))
    (report,) = await purger(root, permit(1, 2), clock)(work(*files))
    assert isinstance(report, Purged)
    assert report.media == (1,), "what is gone has to be told, and no more than that"
    assert not (root / "backup/2026/11/a.jpg").exists()
    assert second.read_bytes() == DATA
    (report,) = await purger(root, permit(1, 2))(work(*files))
    assert isinstance(report, Purged)
    assert report.media == (1, 2)
    assert not second.exists()


async def test_a_twin_that_a_dead_move_left_goes_too_and_another_file_stays(root: Path) -> None:
    put(root, "delete_pending/2026/11/a.jpg")
    await purger(root, permit())(work(ref(area=Area.DELETE_PENDING)))
    assert not photos(root)
    put(root, "delete_pending/2026/11/a.jpg")
    for other in (b"another file", DATA[::-1]):
        stranger = put(root, "backup/2026/11/a.jpg", other)
        await purger(root, permit())(work(ref(area=Area.DELETE_PENDING)))
        assert stranger.read_bytes() == other


async def test_a_file_of_the_same_length_is_told_by_its_bytes_and_nothing_of_the_asset_goes(
    root: Path,
) -> None:
    first = put(root, "delete_pending/2026/11/a.jpg")
    edited = put(root, "delete_pending/2026/11/b.jpg", DATA[::-1])
    other = ref("2026/11/b.jpg", Area.DELETE_PENDING).model_copy(update={"media": 2})
    with pytest.raises(Permanent, match=r"b\.jpg is not the file that was archived"):
        await purger(root, permit(1, 2))(work(ref(), other))
    assert (first.read_bytes(), edited.read_bytes()) == (DATA, DATA[::-1])


async def test_what_is_touched_between_its_reading_and_its_removal_is_left(root: Path) -> None:
    path = root / "backup/2026/11/a.jpg"

    async def meanwhile(name: str, question: Any, answer: type[Any]) -> Any:
        path.unlink()
        put(root, "backup/2026/11/a.jpg", DATA[::-1])
        return ClaimedPurge(deadline=NOW + timedelta(seconds=60), media=(1,))

    handler = PurgeHandler(library=Library(root), ask=meanwhile, clock=FakeClock())
    with pytest.raises(Transient, match="touched since it was read"):
        await handler(work(ref()))
    assert path.read_bytes() == DATA[::-1]


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (ref(area=Area.PIXEL), Permanent),
        (ref("../backup/2026/11/a.jpg", Area.DELETE_PENDING), UnsafePath),
        (ref("2026/11/link.jpg", Area.DELETE_PENDING), UnsafePath),
        (ref("linked/a.jpg", Area.DELETE_PENDING), UnsafePath),
        (ref("linked/a.jpg", Area.BACKUP), UnsafePath),
        (ref("2026/11/longer.jpg", Area.DELETE_PENDING), Permanent),
        (ref("2026/11", Area.DELETE_PENDING), Permanent),
    ],
)
async def test_purge_refuses_anything_else(
    root: Path, file: FileRef, error: type[Exception]
) -> None:
    pending = root / "delete_pending"
    (pending / "2026/11/link.jpg").symlink_to(root / "backup/2026/11/a.jpg")
    (pending / "linked").symlink_to(root / "backup/2026/11")
    (pending / "2026/11/longer.jpg").write_bytes(DATA + b"!")
    with pytest.raises(error):
        await purger(root, permit())(work(file))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA
    assert (pending / "2026/11/longer.jpg").exists()


@pytest.mark.parametrize("area", ["backup", "delete_pending"])
async def test_an_unmounted_library_is_waited_for_and_not_taken_for_purged(
    root: Path, area: str
) -> None:
    (root / area).rename(root / "elsewhere")
    with pytest.raises(Waiting, match="is its disk mounted"):
        await purger(root, permit())(work(ref(area=Area.DELETE_PENDING)))


async def test_what_the_person_took_out_of_the_album_is_not_put_back(root: Path) -> None:
    album = FakeAlbum()
    away = AlbumHandler(library=Library(root), album=album, clock=FakeClock())
    again = work(ref()).model_copy(update={"was_pending": True})
    (report,) = await away(again)
    assert report == again.outcome(AlbumVetoed, at=NOW)
    assert album.held == []
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA
    album.held.append("A1")
    (report,) = await away(again)
    assert isinstance(report, AlbumAdded)
    assert (root / "delete_pending/2026/11/a.jpg").read_bytes() == DATA


async def test_files_are_moved_from_where_they_really_are(root: Path) -> None:
    away = AlbumHandler(library=Library(root), album=FakeAlbum(), clock=FakeClock())
    (report,) = await away(work(ref(area=Area.DELETE_PENDING)))  # a late AlbumReturned
    assert isinstance(report, AlbumAdded)
    back = ReturnHandler(library=Library(root), clock=FakeClock())
    await back(work(ref(area=Area.BACKUP)))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


@pytest.mark.parametrize("said", [Area.BACKUP, Area.DELETE_PENDING])
def test_a_file_is_found_in_either_area_and_told_by_its_size(root: Path, said: Area) -> None:
    away = put(root, "delete_pending/2026/11/b.jpg")
    assert find_file(root, ref("2026/11/b.jpg", said)) == away
    kept = root / "backup/2026/11/a.jpg"
    put(root, "delete_pending/2026/11/a.jpg", b"another")
    assert find_file(root, ref(area=said)) == kept
    kept.unlink()
    with pytest.raises(SourceMissing):
        find_file(root, ref(area=said))


def test_a_library_that_is_not_mounted_is_no_missing_file(root: Path) -> None:
    (root / "backup").rename(root / "elsewhere")
    with pytest.raises(Waiting):
        find_file(root, ref())


def test_only_icloud_cleanup_imports_the_delete_call() -> None:
    top = Path(__file__).parents[3]
    importers = {
        path.relative_to(top).parts[:2]
        for folder in ("services", "shared")
        for path in (top / folder).rglob("*.py")
        if _imports(path, "shared.adapters.icloud_delete")
    }
    assert importers <= {("services", "icloud_cleanup")}


def test_only_the_delete_call_writes_is_deleted_and_nothing_expunges() -> None:
    top = Path(__file__).parents[3]
    writers = {
        path.name
        for path in top.glob("s*/**/*.py")
        if "simulators" not in path.parts and '"isDeleted": {"value": 1}' in path.read_text()
    }
    assert writers == {"icloud_delete.py"}


def _imports(path: Path, module: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == module
        for node in ast.walk(ast.parse(path.read_text()))
    )
