"""An unmodified pyicloud does its whole work against the simulated iCloud, by Apple's own host names."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from pyicloud import PyiCloudService
from pyicloud.common.cloudkit import CKModifyOperation, CKWriteRecord, CKZoneIDReq
from pyicloud.services.photos_cloudkit.constants import AlbumTypeEnum
from pyicloud.services.photos_cloudkit.sync import PhotoSyncOptions

from tests.fidelity.apple_hosts import World, apple
from tests.fidelity.scene import digests, signed_in, the_library
from tests.integration.icloud_sim import APPLE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("pyicloud")
    with apple(the_library(tmp_path_factory), folder / "run") as world:
        yield world


@pytest.fixture(scope="module")
def use(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Do something with a client that is signed in."""
    scene = signed_in(world.simulator, tmp_path_factory.mktemp("cookies"))
    api = world.do(scene.__enter__)
    yield lambda act: world.do(lambda: act(api))
    world.do(lambda: scene.__exit__(None, None, None))


def truth(world: World) -> dict[str, Any]:
    return world.do(world.simulator.truth)


def test_it_signs_in_by_password_and_code_and_needs_neither_again(
    world: World, tmp_path: Path
) -> None:
    def first() -> None:
        with signed_in(world.simulator, tmp_path) as api:
            assert api.is_trusted_session
            database = api.get_webservice_url("ckdatabasews")
            assert database.partition(":443")[0] == "https://p42-ckdatabasews.icloud.com"

    def second() -> None:
        api = PyiCloudService(APPLE_ID, "never sent", cookie_directory=str(tmp_path))
        assert not api.requires_2fa
        assert len(api.photos.all) == 12
        api.session.close()

    world.do(first)
    world.do(second)


def test_it_lists_every_photo_with_its_name(world: World, use: Callable[..., Any]) -> None:
    listed = use(lambda api: {photo.id: photo.filename for photo in api.photos.all})
    assert listed == {i: asset["filename"] for i, asset in truth(world)["assets"].items()}


def test_it_downloads_the_original_the_raw_and_the_movie(
    world: World, use: Callable[..., Any]
) -> None:
    def download(api: Any) -> list[str]:
        versions = ("original", "original_video", "alternative")
        held = [(photo, v) for photo in api.photos.all for v in versions if v in photo.versions]
        return sorted(hashlib.sha256(photo.download(v)).hexdigest() for photo, v in held)

    assert use(download) == digests(truth(world), "original", "live", "alternate")


def test_it_finds_albums_inside_folders(world: World, use: Callable[..., Any]) -> None:
    def nest(api: Any) -> list[str]:
        folder = api.photos.create_album("Trips", AlbumTypeEnum.FOLDER)
        make_album(api, "Rügen", folder.id)
        album = api.photos._root_library.refresh_albums().find("Rügen")
        assert album.fullname == "Trips/Rügen"
        assert album.add_photo(next(iter(api.photos.all)))
        return [photo.id for photo in album]

    (inside,) = use(nest)
    assert "Rügen" in truth(world)["assets"][inside]["albums"]


def make_album(api: Any, name: str, parent: str) -> None:
    fields = {
        "albumNameEnc": ("ENCRYPTED_BYTES", base64.b64encode(name.encode()).decode()),
        "albumType": ("INT64", 0),
        "isDeleted": ("INT64", 0),
        "isExpunged": ("INT64", 0),
        "position": ("INT64", 1),
        "parentId": ("STRING", parent),
    }
    record = CKWriteRecord(
        recordName="NESTED-ALBUM",
        recordType="CPLAlbum",
        fields={name: {"type": kind, "value": value} for name, (kind, value) in fields.items()},
    )
    library = api.photos._root_library
    operation = CKModifyOperation(operationType="create", record=record)
    library._client.modify(operations=[operation], zone_id=CKZoneIDReq(**library.zone_id))


def test_it_follows_changes(world: World, use: Callable[..., Any]) -> None:
    everything = use(lambda api: {e.record_name for e in api.photos.iter_changes()})
    assert set(truth(world)["assets"]) <= everything
    cursor = use(lambda api: api.photos.sync_cursor())
    assert use(lambda api: list(api.photos.iter_changes(since=cursor))) == []
    chosen = sorted(truth(world)["assets"])[0]
    world.do(lambda: world.simulator.act("favorite", id=chosen))
    changed = use(lambda api: [e.record_name for e in api.photos.iter_changes(since=cursor)])
    assert changed == [chosen]


def test_its_own_sync_brings_the_originals_once(
    world: World, use: Callable[..., Any], tmp_path: Path
) -> None:
    options = PhotoSyncOptions(directory=tmp_path / "out")
    first = use(lambda api: api.photos.sync(options))
    files = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    found = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    assert found == digests(truth(world), "original", "live")
    assert first.downloaded_count == len(found)
    assert use(lambda api: api.photos.sync(options)).downloaded_count == 0


def test_a_photo_goes_into_an_album_and_then_to_recently_deleted(
    world: World, use: Callable[..., Any]
) -> None:
    def tidy(api: Any) -> str:
        photo = list(api.photos.all)[-1]
        assert api.photos.create_album("Leaving").add_photo(photo)
        assert world.simulator.asset(photo.id)["albums"][-1] == "Leaving"
        assert photo.delete()
        assert photo.id not in {one.id for one in api.photos.all}
        assert [one.id for one in api.photos.albums["Recently Deleted"]] == [photo.id]
        return str(photo.id)

    name = use(tidy)
    gone = truth(world)["assets"][name]
    assert gone["deleted"]
    assert gone["deleted_at"] is not None
