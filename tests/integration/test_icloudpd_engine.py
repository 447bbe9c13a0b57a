"""The second engine with the real icloudpd program, against the simulated iCloud behind Apple's own host names."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.downloader.icloudpd.opening import Place, icloudpd_files
from services.downloader.icloudpd.settings import IcloudpdSettings
from services.downloader.partial import digest_of
from services.state import schema
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from shared.domain.errors import Waiting
from shared.domain.ids import Kind, Resource
from shared.domain.work_items import DownloadWork
from tests.fidelity.apple_hosts import World, apple
from tests.fidelity.scene import icloudpd, the_library
from tests.integration.downloader_world import Account, Books, downloader, proven
from tests.integration.icloud_sim import APPLE_ID, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from services.downloader.icloudpd.files import IcloudpdFiles
    from shared.domain.icloud_checksum import StreamDigest

ROLES = {
    "original": Resource.ORIGINAL,
    "live": Resource.LIVE,
    "alternate": Resource.ALTERNATE,
    "edited": Resource.EDITED,
}


@dataclass
class Scene:
    """An account that photoduct is signed in to, its library, and a disk for what comes."""

    world: World
    library: Path
    root: Path
    own: list[DownloadWork] = field(default_factory=list)

    @property
    def icloud(self) -> ICloudSettings:
        ca = Path(self.world.simulator.ca)
        return ICloudSettings(apple_id=APPLE_ID, session_dir=self.root / "session", ca_bundle=ca)

    def sign_in(self) -> None:
        self.world.do(lambda: login(self.icloud, PASSWORD, self.world.simulator.code))

    def admin(self, path: str, **body: object) -> Any:
        return self.world.do(lambda: self.world.simulator._admin("POST", path, json=body))

    def downloads(self) -> int:
        return int(self.world.do(self.world.simulator.truth)["requests"]["download"])

    def run(self, act: Callable[[IcloudpdFiles], Awaitable[None]]) -> None:
        """Open the engine among Apple's host names and do something with it."""

        async def acted() -> None:
            async with self._engine() as files:
                await act(files)

        self.world.do(lambda: asyncio.run(asyncio.wait_for(acted(), 60)))

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[IcloudpdFiles]:
        place = Place(self.root / "incoming", 0)
        settings = IcloudpdSettings(command=icloudpd())
        async with (
            open_session(self.icloud) as session,
            icloudpd_files(settings, self.icloud, session, self._own, place) as files,
        ):
            yield files

    async def _own(self, work: DownloadWork, part: Path) -> StreamDigest:
        raise AssertionError(f"icloudpd was to bring {work.resource} of {work.asset}")

    def works(self) -> list[DownloadWork]:
        assets = json.loads((self.library / "library.json").read_text())["assets"]
        pairs = [(asset, *pair) for asset in assets for pair in asset["resources"].items()]
        return [self._work(key, *pair) for key, pair in enumerate(pairs)]

    def _work(self, key: int, asset: dict[str, Any], role: str, path: str) -> DownloadWork:
        digest = digest_of(self.library / path)
        video = path.lower().endswith((".mov", ".mp4"))
        return DownloadWork(
            stage="download",
            key=key,
            attempt=1,
            asset=asset["id"],
            created=datetime.fromisoformat(asset["created"]),
            zone="PrimarySync",
            resource=ROLES[role],
            checksum=digest.apple,
            size=digest.size,
            path=f"2026/11/{key}{Path(path).suffix}",
            kind=Kind.VIDEO if video else Kind.PHOTO,
        )

    def part(self, work: DownloadWork) -> Path:
        return self.root / "incoming" / f"{work.key}.part"

    async def bring(self, files: IcloudpdFiles, work: DownloadWork) -> None:
        """Go on as a lane does; what needs a person is raised."""
        while True:
            try:
                digest = await files(work, self.part(work))
            except Waiting as waiting:
                if waiting.attention:
                    raise
                await asyncio.sleep(0.1)
            else:
                assert digest.apple == work.checksum
                return

    def bring_all(self, works: list[DownloadWork]) -> None:
        async def bring(files: IcloudpdFiles) -> None:
            await asyncio.gather(*(self.bring(files, work) for work in works))

        self.run(bring)

    def assert_whole(self, works: list[DownloadWork]) -> None:
        for work in works:
            assert digest_of(self.part(work)).apple == work.checksum, work


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return the_library(tmp_path_factory)


@pytest.fixture
def scene(library: Path, tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "incoming").mkdir()
    with apple(library, tmp_path / "run") as world:
        scene = Scene(world, library, tmp_path)
        scene.sign_in()
        yield scene


def test_a_torso_is_never_accepted_and_icloudpd_fetches_it_again(scene: Scene) -> None:
    works = scene.works()
    scene.admin("/faults", kind="download", nth=3, do="short")  # it looks complete to icloudpd
    scene.bring_all(works)
    scene.assert_whole(works)
    assert scene.downloads() == len(works) + 1
    files = (path for path in (scene.root / "incoming/icloudpd").rglob("*.*") if path.is_file())
    assert sorted(path.stat().st_size for path in files)[1:] == sorted(w.size for w in works)


def test_it_ends_with_every_file_whole_although_downloads_were_cut_short(scene: Scene) -> None:
    works = scene.works()
    for fault in ({"nth": 2, "do": "short"}, {"nth": 5, "do": "short", "bytes": 100}):
        scene.admin("/faults", kind="download", **fault)
    scene.admin("/faults", kind="download", nth=8, do="truncate", bytes=1000)
    scene.bring_all(works)
    scene.assert_whole(works)
    assert scene.downloads() > len(works)  # the cut ones came twice


def test_what_was_taken_is_not_fetched_again(scene: Scene) -> None:
    works = scene.works()
    scene.bring_all(works)
    before = scene.downloads()
    unknown = works[0].model_copy(update={"checksum": "AQ==", "key": 1000})
    with pytest.raises(AssertionError, match="was to bring original"):
        scene.bring_all([unknown])  # by a new process, so that there is a new run
    assert scene.downloads() == before


def test_a_session_that_ends_waits_for_the_person_and_goes_on_by_itself(scene: Scene) -> None:
    work = scene.works()[0]
    scene.admin("/account", end_sessions=True)

    async def wait(files: IcloudpdFiles) -> None:
        with pytest.raises(Waiting, match=r"session has ended|sign-in") as told:
            await scene.bring(files, work)
        assert told.value.attention == "icloud-session"

    scene.run(wait)
    scene.sign_in()
    scene.bring_all([work])
    scene.assert_whole([work])


def test_the_end_of_the_service_ends_icloudpd_and_leaves_no_session(scene: Scene) -> None:
    scene.admin("/faults", kind="download", do="stall", seconds=60, times=1)

    async def start(files: IcloudpdFiles) -> None:
        with pytest.raises(Waiting):
            await files(scene.works()[0], scene.part(scene.works()[0]))
        for _ in range(200):  # until it downloads
            await asyncio.sleep(0.05)
            if list((scene.root / "incoming/icloudpd").rglob("*.part")):
                break
        assert list((scene.root / "session").glob("photoduct-icloudpd-*/*.session"))

    scene.run(start)
    assert not list((scene.root / "session").glob("photoduct-icloudpd-*"))
    assert not _running_below(scene.root)


def _running_below(root: Path) -> list[str]:
    """Return the command lines of processes that have to do with a folder, the simulator's left out."""
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(root) in line and "simulators.icloud" not in line:
            lines.append(line)
    return lines


def test_the_whole_downloader_ends_with_every_file_proven(tmp_path: Path) -> None:
    """Edited movies, photos of one name and one moment, hidden ones: what icloudpd does not bring, photoduct does."""
    (tmp_path / "library").mkdir()
    recipe = "photos=40,bytes=5000-20000,seed=5,live=0.3,edited=0.3,raw=0.1,hidden=0.1,albums=2"
    for area in ("incoming", "backup", "icloudpd"):
        (tmp_path / "media" / area).mkdir(parents=True)
    with apple(tmp_path / "library", tmp_path / "run", "--synthetic", recipe) as world:
        scene = Scene(world, tmp_path / "library", tmp_path)
        scene.sign_in()
        place = Account(world.simulator, scene.icloud, tmp_path / "media")
        asked = world.do(lambda: asyncio.run(asyncio.wait_for(_synced(place), 120)))
    assert asked["edited movies"] > 0
    assert asked["by icloudpd"] > 3 * asked["by photoduct"] > 0


async def _synced(place: Account) -> dict[str, int]:
    """Sync once with the second engine, prove all of it, and count who fetched what."""
    books = Books(place.root.parent)
    settings = IcloudpdSettings(command=icloudpd(), folder=place.root / "icloudpd/own")
    where = Place(place.root / "incoming", 0)
    async with downloader(place, books) as it, open_session(place.settings) as session:
        fetch, own = it.handle._receive, []

        async def counted(work: DownloadWork, part: Path) -> StreamDigest:
            own.append(work)
            return await fetch(work, part)

        async with icloudpd_files(settings, place.settings, session, counted, where) as files:

            async def patient(work: DownloadWork, part: Path) -> StreamDigest:
                while True:
                    try:
                        return await files(work, part)
                    except Waiting as waiting:
                        assert not waiting.attention, waiting  # noqa: PT017  (a lane would tell)
                        await asyncio.sleep(0.1)

            it.handle._receive = patient
            await it.look()
            await it.work()
    proven(place, books)
    works = [row for row in books.rows(schema.media) if row["resource"] != "record"]
    movies = [w for w in own if w.resource is Resource.EDITED and w.kind is Kind.VIDEO]
    return {
        "by icloudpd": len(works) - len(own),
        "by photoduct": len(own),
        "edited movies": len(movies),
    }
