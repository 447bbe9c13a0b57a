"""An unmodified pyicloud does its whole work against the simulated iCloud."""

import hashlib
import json
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from pyicloud.base import PCS_SLEEP_TIME
from pyicloud.exceptions import PyiCloudAPIResponseException, PyiCloudFailedLoginException

from simulators.icloud.__main__ import main
from simulators.icloud.folder_scan import read_library
from tests.integration.icloud_sim import Simulator, client, running, signed_in

MANY = 130


def write_library(folder: Path) -> None:
    (folder / "files").mkdir(parents=True)
    assets: list[dict[str, Any]] = []
    for number in range(MANY):
        name = f"files/{number}.heic"
        (folder / name).write_bytes(f"photo {number} ".encode() * (number + 1))
        day = f"2021-06-01T10:{number // 60:02}:{number % 60:02}+02:00"
        assets.append(
            {"id": f"ASSET-{number}", "filename": "IMG_0001.HEIC", "created": day}
            | {"resources": {"original": name}}
        )
    (folder / "files/a.mov").write_bytes(b"moving" * 1000)
    (folder / "files/a.dng").write_bytes(b"raw" * 1000)
    (folder / "files/edit.jpg").write_bytes(b"edited" * 1000)
    assets[0] |= {"filename": "a/b\\c:d\0é.HEIC", "albums": ["Family"], "favorite": True}
    assets[0]["resources"] |= {"live": "files/a.mov", "alternate": "files/a.dng"}
    assets[1] |= {"hidden": True}
    assets[2] |= {"fault": "unreadable"}
    assets[3] |= {"when_pending": "veto"}
    assets[4] |= {"when_pending": "edit", "edit_file": "files/edit.jpg"}
    assets[5]["resources"]["edited"] = "files/edit.jpg"
    (folder / "library.json").write_text(json.dumps({"assets": assets}))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("icloud")
    write_library(folder / "library")
    with running(folder / "library", folder / "run") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def api(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with signed_in(simulator, tmp_path_factory.mktemp("cookies")) as api:
        yield api


def by_id(api: Any, asset_id: str) -> Any:
    return next(photo for photo in api.photos.all if photo.id == asset_id)


def eventually(look: Any) -> None:
    until = time.monotonic() + 30
    while not look():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)


def test_an_idle_connection_outlives_the_pause_between_pyiclouds_questions(
    simulator: Simulator,
) -> None:
    host = urlsplit(simulator.base_url)
    trusted = ssl.create_default_context(cafile=simulator.ca)
    connection = HTTPSConnection(str(host.hostname), host.port, context=trusted)
    with closing(connection):
        connection.request("GET", "/")
        connection.getresponse().read()
        first = connection.sock
        time.sleep(PCS_SLEEP_TIME + 0.5)
        connection.request("GET", "/")
        connection.getresponse().read()
        assert connection.sock is first


def test_a_wrong_password_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(PyiCloudFailedLoginException, match="Invalid email/password"):
        client(simulator, tmp_path, password="wrong")


def test_sign_in_wants_the_code_and_then_is_remembered(
    simulator: Simulator, tmp_path: Path
) -> None:
    first = client(simulator, tmp_path)
    assert first.requires_2fa
    assert not first.is_trusted_session
    right = simulator.code()
    assert not first.validate_2fa_code("000000" if right != "000000" else "000001")
    assert first.validate_2fa_code(right)
    assert first.is_trusted_session
    first.session.close()
    second = client(simulator, tmp_path, password="never sent: the cookie is enough")
    assert not second.requires_2fa
    assert len(second.photos.all) == MANY - 1
    second.session.close()


def test_the_code_of_a_trusted_device_is_taken_too(simulator: Simulator, tmp_path: Path) -> None:
    api = client(simulator, tmp_path)
    api.use_existing_trusted_device_code()
    assert api.validate_2fa_code(simulator.device_code())
    api.session.close()


def test_a_trust_token_makes_the_code_unnecessary(simulator: Simulator, tmp_path: Path) -> None:
    with signed_in(simulator, tmp_path) as first:
        first.session.cookies.clear()
        first.session.data["session_token"] = ""
        first.session._save_session_data()
    again = client(simulator, tmp_path)
    assert not again.requires_2fa
    again.session.close()


def test_every_photo_is_listed_once_with_its_name(api: Any, simulator: Simulator) -> None:
    photos = list(api.photos.all)
    truth = simulator.truth()["assets"]
    assert {p.id for p in photos} == {i for i, asset in truth.items() if not asset["hidden"]}
    assert len(photos) == MANY - 1
    assert {p.id: p.filename for p in photos} == {p.id: truth[p.id]["filename"] for p in photos}
    assert [p.id for p in api.photos.albums["Hidden"]] == ["ASSET-1"]
    assert [p.id for p in api.photos.albums["Favorites"]] == ["ASSET-0"]
    # Not "Kids": pyicloud decodes base64 twice, and garbles names that happen to be base64.
    assert [p.id for p in api.photos.albums["Family"]] == ["ASSET-0"]
    newest = [p.id for p in api.photos._root_library.recently_added()]
    assert newest == [f"ASSET-{n}" for n in range(MANY - 1, -1, -1)]


def test_downloads_are_the_bytes_of_the_library(api: Any, simulator: Simulator) -> None:
    photo = by_id(api, "ASSET-0")
    resources = simulator.asset("ASSET-0")["resources"]
    names = {"original": "original", "original_video": "live", "alternative": "alternate"}
    for version, role in names.items():
        assert hashlib.sha256(photo.download(version)).hexdigest() == resources[role]["sha256"]
    assert photo.is_live_photo
    with pytest.raises(PyiCloudAPIResponseException, match="Internal Server Error"):
        by_id(api, "ASSET-2").download()


def test_changes_are_followed_from_a_token(api: Any, simulator: Simulator) -> None:
    events = list(api.photos.iter_changes())
    seen = {event.record_name for event in events if event.record_type == "CPLAsset"}
    assert seen == set(simulator.truth()["assets"])
    assert any(event.deleted and event.record_type is None for event in events)
    token = api.photos.sync_cursor()
    assert list(api.photos.iter_changes(since=token)) == []
    simulator.act("favorite", id="ASSET-20")
    assert [e.record_name for e in api.photos.iter_changes(since=token)] == ["ASSET-20"]
    assert [e.record_name for e in api.photos.iter_changes(since=token)] == ["ASSET-20"]


def test_album_add_and_delete_reach_the_truth(api: Any, simulator: Simulator) -> None:
    album = api.photos.create_album("Ferien")
    photo = by_id(api, "ASSET-30")
    assert album.add_photo(photo)
    assert simulator.asset("ASSET-30")["albums"] == ["Ferien"]
    assert [p.id for p in album] == ["ASSET-30"]
    assert photo.delete()
    truth = simulator.asset("ASSET-30")
    assert truth["deleted"]
    assert truth["deleted_at"] is not None
    assert "ASSET-30" not in {p.id for p in api.photos.all}
    assert [p.id for p in api.photos.albums["Recently Deleted"]] == ["ASSET-30"]
    with pytest.raises(PyiCloudAPIResponseException, match="CAS_OP_LOCK"):
        photo.delete()


def test_the_person_reacts_to_delete_pending(api: Any, simulator: Simulator) -> None:
    album = api.photos.create_album("DeletePending")
    token = api.photos.sync_cursor()
    before = simulator.asset("ASSET-4")["change_tag"]
    photos = {photo.id: photo for photo in api.photos.all}
    for name in ("ASSET-6", "ASSET-4", "ASSET-3"):
        assert album.add_photo(photos[name])
    eventually(lambda: simulator.asset("ASSET-3")["albums"] == [])
    gone = [event for event in api.photos.iter_changes(since=token) if event.deleted]
    assert [event.record_name.startswith("ASSET-3") for event in gone] == [True], "it was there"
    eventually(lambda: "edited" in simulator.asset("ASSET-4")["resources"])
    assert simulator.asset("ASSET-4")["change_tag"] != before
    assert simulator.asset("ASSET-4")["albums"] == ["DeletePending"]
    assert simulator.asset("ASSET-6")["albums"] == ["DeletePending"]
    simulator.act("remove-from-album", id="ASSET-6", album="DeletePending")
    assert simulator.asset("ASSET-6")["albums"] == []


def test_the_truth_comes_in_pages_too(simulator: Simulator) -> None:
    first = simulator.truth(limit=100)
    rest = simulator.truth(offset=first["next_offset"], limit=100)
    assert len(first["assets"]) == 100
    assert rest["next_offset"] is None
    assert {**first["assets"], **rest["assets"]} == simulator.truth()["assets"]
    assert first["counts"]["assets"] == MANY


def test_what_cannot_start_says_why_in_one_line(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--library", str(tmp_path / "none"), "--run-dir", str(tmp_path / "run")]) == 2
    missing = capsys.readouterr().err
    port = simulator.base_url.rpartition(":")[2]
    assert main(["--library", str(tmp_path), "--run-dir", str(tmp_path), "--port", port]) == 2
    taken = capsys.readouterr().err
    assert "none does not exist." in missing
    assert f"port {port} cannot be used" in taken
    assert len((missing + taken).splitlines()) == 2


def test_a_plain_folder_is_paired_and_always_gives_the_same_assets(tmp_path: Path) -> None:
    names = ("sub/A.HEIC", "sub/A.MOV", "B.JPG", "B.DNG", "C.mov", "notes.txt")
    (tmp_path / "sub").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (1_600_000_000, 1_600_000_000))
    specs = read_library(tmp_path)
    assert {spec.filename: sorted(spec.resources) for spec in specs} == {
        "A.HEIC": ["live", "original"],
        "B.JPG": ["alternate", "original"],
        "C.mov": ["original"],
        "notes.txt": ["original"],
    }
    assert {spec.created.isoformat() for spec in specs} == {"2020-09-13T12:26:40+00:00"}
    assert specs == read_library(tmp_path)


def test_the_moment_and_the_sides_of_a_photo_come_from_its_header(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 30))
    exif = image.getexif()
    exif.get_ifd(0x8769).update({36867: "2019:05:04 10:20:30", 36881: "+02:00"})
    image.save(tmp_path / "a.jpg", exif=exif)
    (spec,) = read_library(tmp_path)
    assert spec.created.isoformat() == "2019-05-04T10:20:30+02:00"
    assert spec.sides == (40, 30)


def test_a_file_that_cannot_be_read_is_listed_with_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"locked")
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "a.jpg":
            raise PermissionError(path)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert [spec.fault for spec in read_library(tmp_path)] == ["unreadable"]
