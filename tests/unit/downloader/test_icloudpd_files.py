"""The second engine accepts nothing but the whole file that the work names, and always ends with one."""

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.downloader.icloudpd.files import IcloudpdFiles
from services.downloader.icloudpd.folder import MARKER, IcloudpdFolder
from services.downloader.icloudpd.found import HOLLOW, Found, found_below
from services.downloader.icloudpd.runs import Runs
from services.downloader.icloudpd.verdict import RunFailed
from services.downloader.partial import digest_of
from shared.domain.errors import Waiting
from shared.domain.icloud_checksum import StreamDigest
from shared.domain.ids import Kind, Resource
from shared.domain.work_items import DownloadWork
from shared.ports.files import DiskFull
from tests.unit.downloader.samples import checksum

CREATED = datetime(2026, 3, 12, 10, 23, 29, 500_000, tzinfo=UTC)
PHOTO = b"a whole photo " * 1000


def work(data: bytes = PHOTO, **fields: object) -> DownloadWork:
    own: dict[str, object] = {
        "stage": "download",
        "key": 1,
        "attempt": 1,
        "asset": "A1",
        "created": CREATED,
        "zone": "PrimarySync",
        "resource": Resource.ORIGINAL,
        "checksum": checksum(data),
        "size": len(data),
        "path": "2026/03/IMG_1.HEIC",
        "kind": Kind.PHOTO,
    }
    return DownloadWork.model_validate(own | fields)


@dataclass
class Scene:
    """An engine whose runs do what the test says, with an own engine that writes down what it was asked for."""

    root: Path
    does: list[Callable[[Path], None]] = field(default_factory=list)
    runs: int = 0
    own: list[DownloadWork] = field(default_factory=list)
    floor: int = 0

    def __post_init__(self) -> None:
        self.folder = IcloudpdFolder(self.root / "icloudpd", free_space_floor=self.floor)
        self.part = self.root / "1.part"
        self.turns = Runs(self._run, pause=900)
        self.files = IcloudpdFiles(
            runs=self.turns, folder=self.folder, own=self._own, zone="PrimarySync"
        )

    async def _run(self) -> None:
        self.folder.claim()
        self.runs += 1
        if self.does:
            self.does.pop(0)(self.folder.path)
        self.folder.look_again()

    async def _own(self, work: DownloadWork, part: Path) -> StreamDigest:
        self.own.append(work)
        await asyncio.to_thread(part.write_bytes, PHOTO)
        return digest_of(part)

    async def bring(self, one: DownloadWork) -> StreamDigest:
        """Go on as a lane does, until the world is ready."""
        for _ in range(20):
            try:
                return await self.files(one, self.part)
            except Waiting as waiting:
                if waiting.attention:
                    raise
                await asyncio.sleep(0.001)
        raise AssertionError("it waits for ever")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def leaves(name: str, data: bytes, moment: datetime = CREATED) -> Callable[[Path], None]:
    def leave(folder: Path) -> None:
        folder.joinpath("2026").mkdir(exist_ok=True)
        path = folder / "2026" / name
        path.write_bytes(data)
        os.utime(path, (int(moment.timestamp()),) * 2)

    return leave


async def test_a_file_that_icloudpd_left_is_taken_without_a_copy(scene: Scene) -> None:
    scene.does = [leaves("IMG_1.HEIC", PHOTO)]
    digest = await scene.bring(work())
    assert scene.part.read_bytes() == PHOTO
    assert digest.apple == checksum(PHOTO)
    assert scene.part.stat().st_nlink == 1
    assert (scene.runs, scene.own) == (1, [])


async def test_a_taken_file_leaves_its_length_and_date_so_that_icloudpd_does_not_fetch_it_again(
    scene: Scene,
) -> None:
    scene.does = [leaves("IMG_1.HEIC", PHOTO * 100)]
    await scene.bring(work(PHOTO * 100))
    left = scene.folder.path / "2026/IMG_1.HEIC"
    assert left.stat().st_size == len(PHOTO) * 100
    assert left.stat().st_mtime == int(CREATED.timestamp())
    assert left.read_bytes().startswith(HOLLOW)
    assert left.stat().st_blocks * 512 < 20_000


async def test_a_truncated_file_is_never_accepted_and_fetched_again(scene: Scene) -> None:
    scene.does = [leaves("IMG_1.HEIC", PHOTO[:-1]), leaves("IMG_1.HEIC", PHOTO)]
    digest = await scene.bring(work())
    assert digest.apple == checksum(PHOTO)
    assert scene.part.read_bytes() == PHOTO
    assert (scene.runs, scene.own) == (2, [])


@pytest.mark.parametrize("wrong", [PHOTO[:-1], b"x" + PHOTO[1:], b""])
async def test_what_stays_wrong_is_fetched_by_the_own_engine(scene: Scene, wrong: bytes) -> None:
    scene.does = [leaves("IMG_1.HEIC", wrong)] * 2
    digest = await scene.bring(work())
    assert digest.apple == checksum(PHOTO)
    assert (scene.runs, len(scene.own)) == (2, 1)
    assert not (scene.folder.path / "2026/IMG_1.HEIC").exists()


async def test_nothing_but_the_torso_is_removed(scene: Scene) -> None:
    def leave(folder: Path) -> None:
        leaves("IMG_1.HEIC", PHOTO[:-1])(folder)
        leaves("IMG_1.MOV", b"movie" * 10)(folder)
        leaves("IMG_9.HEIC", b"another moment", datetime(2020, 1, 1, tzinfo=UTC))(folder)
        leaves("IMG_1-adjusted.HEIC", PHOTO + b"more")(folder)

    scene.does = [leave]
    await scene.bring(work())
    kept = sorted(path.name for path in scene.folder.path.rglob("*.*") if path.is_file())
    assert kept == [MARKER, "IMG_1-adjusted.HEIC", "IMG_1.MOV", "IMG_9.HEIC"]


async def test_partial_files_and_links_are_not_looked_at(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside.HEIC"
    outside.write_bytes(PHOTO)

    def leave(folder: Path) -> None:
        (folder / "ABC.part").write_bytes(PHOTO)
        (folder / "IMG_1.HEIC").symlink_to(outside)
        os.utime(folder / "IMG_1.HEIC", (CREATED.timestamp(),) * 2, follow_symlinks=False)

    scene.does = [leave]
    await scene.bring(work())
    assert len(scene.own) == 1
    assert outside.read_bytes() == PHOTO
    assert (scene.folder.path / "ABC.part").exists()
    assert (scene.folder.path / "IMG_1.HEIC").is_symlink()


async def test_what_no_run_can_bring_goes_to_the_own_engine_without_one(scene: Scene) -> None:
    await scene.bring(work(resource=Resource.EDITED, kind=Kind.VIDEO))
    await scene.bring(work(zone="SharedSync-1"))
    assert (scene.runs, len(scene.own)) == (0, 2)


async def test_many_files_that_a_run_did_not_bring_cost_no_more_runs(scene: Scene) -> None:
    for key in range(30):
        await scene.bring(work(key=key, asset=f"A{key}"))
        scene.part.unlink()
    assert (scene.runs, len(scene.own)) == (1, 30)


async def test_files_are_taken_while_a_run_is_under_way(scene: Scene) -> None:
    running = asyncio.Event()

    async def run() -> None:
        scene.folder.claim()
        leaves("IMG_1.HEIC", PHOTO)(scene.folder.path)
        running.set()
        await asyncio.Event().wait()

    turns = Runs(run, pause=900)
    files = IcloudpdFiles(runs=turns, folder=scene.folder, own=scene._own, zone="PrimarySync")
    with pytest.raises(Waiting):
        await files(work(), scene.part)
    await running.wait()
    assert (await files(work(), scene.part)).apple == checksum(PHOTO)
    with pytest.raises(Waiting, match="under way"):
        await files(work(b"another"), scene.part)
    await turns.close()


async def test_a_file_that_came_while_the_folder_was_looked_through_is_no_torso(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = found_below

    def slowly(folder: Path, marker: str) -> list[Found]:
        found = list(look(folder, marker))
        if not found:  # the run leaves its file, and ends, just after this look
            leaves("IMG_1.HEIC", PHOTO)(folder)
            scene.folder.look_again()
        return found

    scene.folder.claim()
    monkeypatch.setattr("services.downloader.icloudpd.found.found_below", slowly)
    assert scene.folder.take(work(), scene.part) is None
    assert scene.folder.take(work(), scene.part) is not None


async def test_files_of_one_length_are_told_apart_by_their_bytes(scene: Scene) -> None:
    one, other = PHOTO, PHOTO[::-1]

    def leave(folder: Path) -> None:
        leaves("IMG_1.HEIC", one)(folder)
        leaves("IMG_2.HEIC", other)(folder)

    scene.does = [leave]
    for data in (other, one):
        await scene.bring(work(data))
        assert scene.part.read_bytes() == data
    assert scene.own == []


async def test_a_file_that_was_taken_before_a_restart_is_not_fetched_again(
    scene: Scene, tmp_path: Path
) -> None:
    scene.does = [leaves("IMG_1.HEIC", PHOTO)]
    await scene.bring(work())
    again = Scene(tmp_path)
    assert (await again.bring(work())).apple == checksum(PHOTO)
    assert (again.runs, again.own) == (0, [])


async def test_a_file_is_copied_where_no_link_can_be_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    scene.does = [leaves("IMG_1.HEIC", PHOTO)]
    await scene.bring(work())
    assert scene.part.read_bytes() == PHOTO
    assert (scene.folder.path / "2026/IMG_1.HEIC").read_bytes().startswith(HOLLOW)
    assert scene.own == []


async def test_a_small_file_is_copied_and_stays(scene: Scene) -> None:
    scene.does = [leaves("tiny.HEIC", b"tiny")]
    await scene.bring(work(b"tiny"))
    left = scene.folder.path / "2026/tiny.HEIC"
    assert left.read_bytes() == scene.part.read_bytes() == b"tiny"
    assert left.stat().st_ino != scene.part.stat().st_ino


async def test_somebody_elses_folder_is_left_alone(scene: Scene) -> None:
    scene.folder.path.mkdir()
    leaves("IMG_1.HEIC", PHOTO)(scene.folder.path)
    with pytest.raises(Waiting):
        await scene.files(work(), scene.part)
    await asyncio.sleep(0.01)
    with pytest.raises(Waiting, match="did not put there") as told:
        await scene.files(work(), scene.part)
    assert told.value.attention == "icloudpd"
    assert (scene.folder.path / "2026/IMG_1.HEIC").read_bytes() == PHOTO
    assert not scene.folder.marker.exists()


async def test_no_run_starts_below_the_floor_or_without_the_disk(tmp_path: Path) -> None:
    scene = Scene(tmp_path, floor=1 << 60)
    with pytest.raises(DiskFull, match="GB are free"):
        scene.folder.claim()
    gone = IcloudpdFolder(tmp_path / "unmounted" / "icloudpd", free_space_floor=0)
    with pytest.raises(Waiting, match="is its disk mounted") as told:
        gone.claim()
    assert told.value.attention == "library"


async def test_a_failed_run_is_told_and_comes_back_more_and_more_rarely() -> None:
    async def fail() -> None:
        raise RunFailed("no", attention="icloudpd", retry_after=0.01)

    turns = Runs(fail, pause=900)
    waits = []
    for _ in range(4):
        with pytest.raises(Waiting, match="was started"):
            turns.require_recent()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Waiting, match=r"^no$") as told:
            turns.require_recent()
        assert told.value.attention == "icloudpd"
        waits.append(told.value.retry_after)
        await asyncio.sleep(told.value.retry_after + 0.001)
    assert [round(wait, 2) for wait in waits] == [0.01, 0.02, 0.04, 0.08]


async def test_an_unexpected_failure_is_a_failed_run() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    turns = Runs(fail, pause=900)
    with pytest.raises(Waiting):
        turns.require_recent()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Waiting, match=r"unexpectedly \(RuntimeError\)"):
        turns.require_recent()
