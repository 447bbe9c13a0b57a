"""Downloads that go wrong: short, foreign, changed or repeated; nothing but the right bytes ever gets a name."""

import asyncio
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.downloader.fetching import CloudFiles
from services.downloader.handler import DownloadHandler
from services.downloader.known import KnownAssets
from services.downloader.library import Library
from services.downloader.limiter import Limiter
from services.downloader.partial import Partial
from services.downloader.settings import DownloaderSettings
from shared.domain.errors import Permanent, Transient, Waiting
from shared.domain.events import AssetRefreshed, Downloaded, Failed
from shared.domain.icloud_records import asset_seen, change_tag
from shared.domain.ids import Area, Kind, Resource
from shared.domain.work_items import DownloadWork
from shared.ports.files import DiskFull, Occupied, UnsafePath, WrongLength
from shared.ports.watching import Unobserved
from tests.unit.downloader.fakes import (
    FakeAttention,
    FakeClock,
    FakeFetch,
    FakeRecords,
    FakeZones,
)
from tests.unit.downloader.samples import asset, checksum, master, resource

DATA = os.urandom(10_000)
URL = "https://cloud.test/file"


class Parts:
    def __init__(self, root: Path, *, floor: int = 0, **changes: object) -> None:
        for area in ("incoming", "backup"):
            (root / area).mkdir()
        self.root = root
        self.records = FakeRecords({"A1": asset(), "M1": master(data=DATA)})
        self.clock = FakeClock()
        self.settings = DownloaderSettings(**changes)
        zones = FakeZones({"PrimarySync": self.records})
        self.known = KnownAssets(zones, self.clock, self.settings)
        self.fetch = FakeFetch({URL: DATA})
        self.attention = FakeAttention()
        self.slept: list[float] = []
        self.limiter = Limiter("downloads", 8, self.attention, Unobserved())
        self.receive = CloudFiles(
            known=self.known,
            fetch=self.fetch,
            limiter=self.limiter,
            attention=self.attention,
            settings=self.settings,
            observe=Unobserved(),
            sleep=self._sleep,
        )
        self.handle = DownloadHandler(
            library=Library(root, free_space_floor=floor),
            known=self.known,
            receive=self.receive,
            clock=self.clock,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def work(self, **changes: object) -> DownloadWork:
        plain = DownloadWork(
            stage="download",
            key=5,
            attempt=1,
            asset="A1",
            created=self.clock.now(),
            zone="PrimarySync",
            resource=Resource.ORIGINAL,
            checksum=checksum(DATA),
            size=len(DATA),
            path="2026/11/IMG.HEIC",
            kind=Kind.PHOTO,
        )
        return plain.model_copy(update=changes)

    @property
    def part(self) -> Path:
        return self.root / "incoming" / "5.part"

    @property
    def landed(self) -> Path:
        return self.root / "backup" / "2026/11/IMG.HEIC"


@pytest.fixture
def it(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


async def test_a_file_lands_whole_with_its_time_and_both_hashes(it: Parts) -> None:
    (report,) = await it.handle(it.work())
    assert report == it.work().outcome(
        Downloaded,
        at=it.clock.now(),
        sha256=hashlib.sha256(DATA).hexdigest(),
        size=len(DATA),
        area=Area.BACKUP,
        path="2026/11/IMG.HEIC",
    )
    assert it.landed.read_bytes() == DATA
    assert it.landed.stat().st_mtime == it.clock.now().timestamp()
    assert not it.part.exists()


async def test_a_redelivery_is_done_without_asking_icloud(it: Parts) -> None:
    first = await it.handle(it.work())
    it.records.store, it.fetch.bodies = {}, {}
    assert await it.handle(it.work()) == first


async def test_a_download_that_breaks_off_is_resumed_where_it_broke(it: Parts) -> None:
    it.fetch.cuts = [4000, 2000]
    await it.handle(it.work())
    assert it.fetch.starts == [0, 4000, 6000]
    assert it.landed.read_bytes() == DATA
    assert it.slept == sorted(it.slept)


async def test_a_download_that_brings_nothing_is_reported_and_taken_up_by_a_later_try(
    it: Parts,
) -> None:
    it.fetch.cuts = [4000, 0, 0, 0, 0]
    with pytest.raises(Transient, match="broke off"):
        await it.handle(it.work())
    assert it.fetch.starts == [0, 4000, 4000, 4000]
    assert not it.landed.exists()
    it.fetch.cuts = []
    await it.handle(it.work())
    assert it.fetch.starts[4:] == [4000]
    assert it.landed.read_bytes() == DATA


async def test_a_server_without_ranges_is_begun_again(it: Parts) -> None:
    it.part.write_bytes(DATA[:3000])
    it.fetch.ignore_ranges = True
    await it.handle(it.work())
    assert it.landed.read_bytes() == DATA


async def test_an_error_page_in_place_of_the_file_is_refused_before_it_costs_a_byte(
    it: Parts,
) -> None:
    it.fetch.bodies[URL] = b"AUTHENTICATION_NO"
    it.part.write_bytes(DATA[:3000])
    it.fetch.ignore_ranges = True
    with pytest.raises(WrongLength, match="17 bytes instead of 10000"):
        await it.handle(it.work())
    assert it.part.read_bytes() == DATA[:3000]
    assert not it.landed.exists()


@pytest.mark.parametrize("length", [-1, +1])
async def test_a_body_that_is_not_as_long_as_it_claims_is_refused(it: Parts, length: int) -> None:
    it.fetch.bodies[URL] = DATA[:length] if length < 0 else DATA + b"x"
    it.fetch.claims = len(DATA)
    with pytest.raises(WrongLength):
        await it.handle(it.work())
    assert not it.landed.exists()


async def test_wrong_bytes_of_the_right_length_are_fetched_anew_once_and_then_given_up(
    it: Parts,
) -> None:
    it.fetch.bodies[URL] = DATA[:-1] + bytes([DATA[-1] ^ 1])
    with pytest.raises(Transient, match="do not match Apple's checksum"):
        await it.handle(it.work())
    assert it.fetch.starts == [0, 0]
    assert not it.landed.exists()
    it.fetch.bodies[URL] = DATA
    await it.handle(it.work())
    assert it.fetch.starts == [0, 0, 0]
    assert it.landed.read_bytes() == DATA


async def test_a_partial_file_that_rotted_is_not_trusted(it: Parts) -> None:
    it.part.write_bytes(bytes(3000))
    await it.handle(it.work())
    assert it.fetch.starts == [3000, 0]
    assert it.landed.read_bytes() == DATA


async def test_an_address_that_died_is_looked_up_once_more(it: Parts) -> None:
    old = "https://cloud.test/old"
    it.known.learn("A1", asset(), master(resOriginalRes=resource(DATA, url=old)))
    it.fetch.expired.add(old)
    await it.handle(it.work())
    assert it.records.looked_up == ["A1", "M1"]
    it.fetch.expired.add(URL)
    with pytest.raises(Transient):
        await it.handle(it.work(path="2026/11/other.HEIC"))


async def test_a_listed_asset_needs_no_lookup(it: Parts) -> None:
    it.known.learn("A1", asset(), master(data=DATA))
    await it.handle(it.work())
    assert it.records.looked_up == []


async def test_the_files_of_one_asset_are_asked_for_once(it: Parts) -> None:
    tag = change_tag(asset(), master(data=DATA))
    record = it.work(resource=Resource.RECORD, checksum=tag, size=0, path="2026/11/r.json", key=6)
    await asyncio.gather(it.handle(it.work()), it.handle(record))
    assert it.records.looked_up == ["A1", "M1"]


async def test_a_new_version_is_not_passed_off_as_the_old_one(it: Parts) -> None:
    it.records.store["M1"] = master(data=b"other")
    news, failed = await it.handle(it.work())
    assert isinstance(news, AssetRefreshed)  # the feed may never list what only its original shows
    assert news.seen == asset_seen(it.records.store["A1"], master(data=b"other"), "PrimarySync")
    assert isinstance(failed, Failed)
    assert failed.lasting == "permanent"
    assert "handled as its own file" in failed.reason
    assert not (it.root / "backup/2026/11").exists()
    with pytest.raises(Permanent, match="handled as its own file"):
        await it.handle(it.work(resource=Resource.RECORD, checksum="old/old", size=0))


async def test_what_is_gone_from_icloud_is_said_to_be_gone(it: Parts) -> None:
    it.records.store = {}
    with pytest.raises(Permanent, match="removed from iCloud"):
        await it.handle(it.work())


async def test_another_file_in_its_place_is_left_as_it_is(it: Parts) -> None:
    it.landed.parent.mkdir(parents=True)
    it.landed.write_bytes(b"precious")
    with pytest.raises(Occupied):
        await it.handle(it.work())
    assert it.landed.read_bytes() == b"precious"


async def test_the_records_are_archived_as_json_and_once(it: Parts) -> None:
    tag = change_tag(asset(), master())
    work = it.work(resource=Resource.RECORD, checksum=tag, size=0, path="2026/11/IMG.json")
    first = await it.handle(work)
    it.records.store["M1"]["created"] = {"timestamp": 1}  # same version, fetched another way
    it.clock.pass_minutes(31)
    again = await it.handle(work)
    assert isinstance(first[0], Downloaded)
    assert isinstance(again[0], Downloaded)
    assert again[0].sha256 == first[0].sha256
    assert again[0].size == (it.root / "backup/2026/11/IMG.json").stat().st_size


async def test_below_the_floor_downloads_wait(tmp_path: Path) -> None:
    it = Parts(tmp_path, floor=1 << 62)
    with pytest.raises(DiskFull) as caught:
        await it.handle(it.work())
    assert caught.value.attention == "disk_full"
    assert it.fetch.starts == []


async def test_a_library_that_is_not_mounted_is_waited_for_and_not_made(it: Parts) -> None:
    (it.root / "backup").rmdir()
    with pytest.raises(Waiting, match="is its disk mounted"):
        await it.handle(it.work())
    assert not (it.root / "backup").exists()


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "2026/../../x", ""])
async def test_a_path_cannot_leave_the_library(it: Parts, path: str) -> None:
    with pytest.raises(UnsafePath):
        await it.handle(it.work(path=path))


async def test_two_deliveries_of_one_task_do_not_write_into_one_file(it: Parts) -> None:
    from services.downloader.partial import Partial

    first = Partial(it.part, len(DATA))
    first.open()
    with pytest.raises(Transient, match="already"):
        await it.handle(it.work())
    assert it.fetch.starts == []
    first.close()
    await it.handle(it.work())


def record_work(it: Parts, tag: str) -> DownloadWork:
    return it.work(resource=Resource.RECORD, checksum=tag, size=0, path="2026/11/IMG.json")


async def test_a_record_whose_original_s_part_alone_changed_is_told_anew(it: Parts) -> None:
    work = record_work(it, "A1t/older")
    news, failed = await it.handle(work)
    assert isinstance(news, AssetRefreshed)
    assert (news.id, news.seen.change_tag) == ("refreshed:A1:A1t/M1t", "A1t/M1t")
    listed = asset_seen(it.records.store["A1"], it.records.store["M1"], "PrimarySync")
    assert news.seen == listed
    assert isinstance(failed, Failed)
    assert failed.lasting == "permanent"
    assert not (it.root / "backup/2026/11").exists()


async def test_a_record_that_the_change_feed_will_bring_is_only_given_up(it: Parts) -> None:
    with pytest.raises(Permanent, match="changed in iCloud"):
        await it.handle(record_work(it, "older/older"))
    del it.records.store["M1"]
    it.clock.pass_minutes(60)
    with pytest.raises(Permanent, match="changed in iCloud"):
        await it.handle(record_work(it, "A1t/older"))


async def test_a_slow_disk_holds_the_line_up_before_memory_fills(
    it: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, disk = ThreadPoolExecutor(80), threading.Event()
    asyncio.get_running_loop().set_default_executor(pool)
    write = Partial.write

    def slowly(partial: Partial, chunk: bytes) -> None:
        disk.wait(60)
        write(partial, chunk)

    monkeypatch.setattr(Partial, "write", slowly)
    works = [it.work(key=100 + n, path=f"2026/11/IMG_{n}.HEIC") for n in range(40)]
    handled = [asyncio.create_task(it.handle(work)) for work in works]
    async with asyncio.timeout(30):
        while len(it.fetch.starts) < it.settings.concurrency:  # noqa: ASYNC110 - a fake tells nobody
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    begun = len(it.fetch.starts)
    disk.set()
    await asyncio.gather(*handled)
    assert it.settings.concurrency <= begun <= 2 * it.settings.concurrency
    assert len(it.fetch.starts) == len(works)
