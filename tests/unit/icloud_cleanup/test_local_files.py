"""The local files of assets on their way out, and who may reach the delete call."""

import ast
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.icloud_cleanup.handler import AlbumHandler, PurgeHandler, ReturnHandler
from services.icloud_cleanup.library import Library
from shared.domain.errors import Permanent, Transient, Waiting
from shared.domain.events import AlbumAdded, AlbumReturned, AssetWork, FileRef, Purged
from shared.domain.ids import Area, Resource
from shared.ports.files import Occupied, UnsafePath
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


async def test_purge_removes_below_delete_pending_and_twice_is_once(root: Path) -> None:
    file = ref(area=Area.DELETE_PENDING)
    (root / "delete_pending/2026/11/a.jpg").write_bytes(DATA)
    purge = PurgeHandler(library=Library(root), clock=FakeClock())
    for _ in range(2):
        (report,) = await purge(work(file))
        assert isinstance(report, Purged)
        assert report.media == (1,)
    assert not (root / "delete_pending/2026/11/a.jpg").exists()
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (ref(), Permanent),
        (ref("../backup/2026/11/a.jpg", Area.DELETE_PENDING), UnsafePath),
        (ref("2026/11/link.jpg", Area.DELETE_PENDING), UnsafePath),
        (ref("linked/a.jpg", Area.DELETE_PENDING), UnsafePath),
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
        await PurgeHandler(library=Library(root), clock=FakeClock())(work(file))
    assert (root / "backup/2026/11/a.jpg").read_bytes() == DATA
    assert (pending / "2026/11/longer.jpg").exists()


async def test_an_unmounted_library_is_waited_for_and_not_taken_for_purged(root: Path) -> None:
    (root / "delete_pending").rename(root / "elsewhere")
    with pytest.raises(Waiting, match="is its disk mounted"):
        await PurgeHandler(library=Library(root), clock=FakeClock())(
            work(ref(area=Area.DELETE_PENDING))
        )


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
