"""The files that photoduct writes about an asset: its record with its albums, and the sidecar that other programs read."""

import json
from pathlib import Path

import pytest

from shared.domain.errors import Permanent
from shared.domain.events import AssetRefreshed, Downloaded, Failed
from shared.domain.icloud_records import change_tag, record_checksum
from shared.domain.ids import Resource
from shared.domain.work_items import DownloadWork
from shared.domain.xmp import sidecar
from shared.ports.files import Occupied
from tests.unit.downloader.samples import asset, master
from tests.unit.downloader.test_download import DATA, Parts

ALBUMS = ("Beach", "Zoo")
TAG = change_tag(asset(), master(data=DATA))


@pytest.fixture
def it(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def work(it: Parts, resource: Resource = Resource.RECORD, *albums: str) -> DownloadWork:
    return it.work(
        resource=resource,
        checksum=record_checksum(TAG, albums),
        size=0,
        path=f"2026/11/IMG.{resource}",
        albums=albums,
    )


async def test_a_record_names_its_albums_and_is_written_once(it: Parts) -> None:
    task = work(it, Resource.RECORD, *ALBUMS)
    (first,) = await it.handle(task)
    kept = json.loads((it.root / "backup" / task.path).read_bytes())
    assert kept["albums"] == list(ALBUMS)
    assert kept["asset"]["recordName"] == "A1"
    it.records.store = {}
    it.clock.pass_minutes(60)
    (again,) = await it.handle(task)
    assert isinstance(first, Downloaded)
    assert isinstance(again, Downloaded)
    assert again.sha256 == first.sha256


async def test_a_record_of_other_albums_is_another_file(it: Parts) -> None:
    await it.handle(work(it, Resource.RECORD, *ALBUMS))
    with pytest.raises(Occupied):
        await it.handle(work(it, Resource.RECORD, "Zoo"))


async def test_a_sidecar_is_written_from_the_record_and_its_albums(it: Parts) -> None:
    task = work(it, Resource.SIDECAR, *ALBUMS)
    (first,) = await it.handle(task)
    assert isinstance(first, Downloaded)
    written = (it.root / "backup" / task.path).read_bytes()
    assert written == sidecar(asset(), master(data=DATA), ALBUMS)
    assert b"Beach" in written
    assert (await it.handle(task))[0] == first
    (it.root / "backup" / task.path).write_bytes(b"mine")
    with pytest.raises(Occupied):
        await it.handle(task)


@pytest.mark.parametrize("resource", [Resource.RECORD, Resource.SIDECAR])
async def test_metadata_of_a_version_that_is_gone_is_not_made_up(
    it: Parts, resource: Resource
) -> None:
    gone = work(it, resource, *ALBUMS).model_copy(update={"checksum": "old/old+abc"})
    with pytest.raises(Permanent, match="changed in iCloud"):
        await it.handle(gone)
    older = gone.model_copy(update={"checksum": record_checksum("A1t/older", ALBUMS)})
    news, failed = await it.handle(older)
    assert isinstance(news, AssetRefreshed)
    assert news.seen.change_tag == TAG
    assert isinstance(failed, Failed)
    assert it.fetch.starts == []
