"""What the Syncthing client promises, held against a real pair (where installed) and the played one."""

from __future__ import annotations

import asyncio
import os
import shutil
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from services.pixel_sync.ports import (
    ChangedOnPhone,
    Freed,
    Held,
    Holding,
    Lack,
    NotYet,
    StagedFile,
)
from services.pixel_sync.syncthing import SyncthingPhone
from services.pixel_sync.syncthing_rest import SyncthingAddress
from shared.domain.errors import Fatal, Transient
from simulators.phone.launch import PhoneProgram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 90.0
no_syncthing = pytest.mark.skipif(
    shutil.which("syncthing") is None, reason="the `syncthing` program is not installed"
)


@pytest.fixture(params=["standin", pytest.param("real", marks=no_syncthing)])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Rig:
    """A running phone, a client of its server's side, and a way to stage files."""

    def __init__(self, program: PhoneProgram) -> None:
        self.program = program

    def client(self, **changes: Any) -> SyncthingPhone:
        told = self.program.told
        address = {
            "rest_url": told.rest_url,
            "api_key": told.api_key,
            "folder": told.folder,
            "device": told.device,
        }
        prefilter = changes.pop("prefilter_above", 2000)
        return SyncthingPhone(
            SyncthingAddress(**address | changes),
            now=lambda: datetime.now(UTC),
            prefilter_above=prefilter,
        )

    def stage(self, path: str, *, content: bytes | None = None) -> StagedFile:
        file = self.program.server_folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            noise = Image.frombytes("L", (300, 300), os.urandom(90_000))
            noise.save(file, "JPEG" if file.suffix == ".jpg" else None)
        else:
            file.write_bytes(content)
        stat = file.stat()
        return StagedFile(path, stat.st_size, stat.st_mtime_ns)

    async def truth(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.program.told.truth_url}/truth")
        return dict(answer.raise_for_status().json())

    async def go(self, where: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=40) as http:
            answer = await http.post(f"{self.program.told.truth_url}/phone/{where}")
        answer.raise_for_status()


@pytest.fixture
def start(tmp_path: Path, mode: str) -> Iterator[Callable[..., Rig]]:
    programs: list[PhoneProgram] = []

    def begin(**options: Any) -> Rig:
        program = PhoneProgram(tmp_path, mode=mode, **options)
        programs.append(program)
        program.start()
        return Rig(program)

    yield begin
    for program in programs:
        program.stop()


async def until(phone: SyncthingPhone, file: StagedFile, wanted: type | NotYet) -> Holding:
    """Ask again and again until the answer is the wanted one."""
    last: Holding | None = None
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        last = (await phone.holdings([file]))[file]
        if last == wanted or (isinstance(wanted, type) and isinstance(last, wanted)):
            return last
        await asyncio.sleep(0.1)
    pytest.fail(f"{file.path} is still {last}, not {wanted}")


async def until_true(check: Callable[[], Any], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        if await check():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never happened: {what}")


async def until_uploaded(rig: Rig, file: StagedFile) -> None:
    async def uploaded() -> bool:
        return file.path in [row["name"] for row in (await rig.truth())["uploads"]]

    await until_true(uploaded, f"the upload of {file.path}")


async def test_ready_names_what_does_not_fit(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        await phone.ready()
    for change, words in [
        ({"api_key": "wrong"}, "key"),
        ({"folder": "no/such"}, "no folder"),
        ({"device": "ABCDEFG-" * 8}, "not shared"),
    ]:
        async with rig.client(**change) as phone:
            with pytest.raises(Fatal, match=words):
                await phone.ready()


async def test_a_file_is_held_once_it_arrived_and_not_before(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone, rig.client(prefilter_above=0) as filtering:
        file = rig.stage("2024/05/IMG_1.jpg")
        assert await phone.holdings([file]) == {file: NotYet(Lack.NOT_SCANNED)}
        await phone.scan(file.path)
        await until(phone, file, Held)
        assert await filtering.holdings([file]) == {file: Held()}
        assert (rig.program.phone_folder / file.path).stat().st_size == file.size
        seen = await phone.phone_seen()
        assert seen is not None
        assert datetime.now(UTC) - seen < timedelta(seconds=5)
        assert await phone.freed() == {}


async def test_freed_after_the_upload_is_told_from_the_phones_deletion(
    start: Callable[..., Rig],
) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("2024/05/IMG_2.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        await until_uploaded(rig, file)
        await rig.go("free-up-space")
        freed = await until(phone, file, Freed)
        assert await phone.freed() == {file.path: freed}
        assert isinstance(freed, Freed)
        assert abs(datetime.now(UTC) - freed.at) < timedelta(seconds=60)
        (upload,) = (await rig.truth())["uploads"]
        stored = rig.program.google_store / "objects" / upload["sha256"]
        source = rig.program.server_folder / file.path
        assert stored.read_bytes() == source.read_bytes()

        source.unlink()
        await phone.scan(file.path)
        # two deletions within one second are a draw, which either author may win
        answer = (await phone.holdings([file]))[file]
        assert isinstance(answer, Freed) or answer == NotYet(Lack.DELETED_HERE)
        assert await phone.freed() == {}


async def test_what_the_server_unlinks_itself_is_never_freed(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("withdrawn.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        (rig.program.server_folder / file.path).unlink()
        await phone.scan(file.path)

        async def withdrawn() -> bool:
            return not (await rig.truth())["on_phone"]

        await until_true(withdrawn, "the phone followed the deletion")
        assert await phone.holdings([file]) == {file: NotYet(Lack.DELETED_HERE)}
        assert await phone.freed() == {}


async def test_deleted_by_hand_looks_freed_but_google_has_nothing(
    start: Callable[..., Rig],
) -> None:
    rig = start(persona={"delete_by_hand": ["IMG_3"]})
    async with rig.client() as phone:
        file, other = rig.stage("2024/IMG_3.jpg"), rig.stage("2024/IMG_4.jpg")
        await phone.scan("2024")
        await until(phone, file, Freed)
        await until(phone, other, Held)
        await until_uploaded(rig, other)
        truth = await rig.truth()
        assert [row["name"] for row in truth["uploads"]] == [other.path]
        assert [row["why"] for row in truth["removed"]] == ["by_hand"]


async def test_what_google_refuses_stays_on_the_phone(start: Callable[..., Rig]) -> None:
    rig = start(free_after=0.0)
    async with rig.client() as phone:
        files = [
            rig.stage("a.tiff"),
            rig.stage("b.txt", content=b"just text"),
            rig.stage("c.jpg", content=b"\xff\xd8\xff not a picture"),
        ]
        for file in files:
            await phone.scan(file.path)
        for file in files:
            await until(phone, file, Held)

        async def all_refused() -> bool:
            return len((await rig.truth())["refused"]) == 3

        await until_true(all_refused, "three refusals")
        assert (await rig.truth())["uploads"] == []
        assert set((await phone.holdings(files)).values()) == {Held()}


async def test_a_change_on_the_disk_that_is_not_scanned_is_not_held(
    start: Callable[..., Rig],
) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("2024/IMG_5.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        longer = rig.stage(file.path, content=b"x" * (file.size + 1))
        touched = StagedFile(file.path, file.size, file.mtime_ns + 1)
        answers = await phone.holdings([longer, touched])
        assert answers == {longer: NotYet(Lack.STALE_SCAN), touched: NotYet(Lack.STALE_SCAN)}
        await phone.scan(file.path)
        await until(phone, longer, Held)


async def test_a_name_that_is_not_nfc_is_never_held_nor_renamed(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        composed = rig.stage("caf\u00e9.jpg")
        decomposed = rig.stage(unicodedata.normalize("NFD", "th\u00e9.jpg"))
        await phone.scan(decomposed.path)
        await phone.scan(composed.path)
        await until(phone, composed, Held)
        assert (await phone.holdings([decomposed]))[decomposed] == NotYet(Lack.NAME_NOT_NFC)
        assert (rig.program.server_folder / decomposed.path).exists()
        on_phone = [row["name"] for row in (await rig.truth())["on_phone"]]
        assert on_phone == [composed.path]


async def test_nothing_is_held_while_the_phone_is_offline(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        before, after = rig.stage("before.jpg"), rig.stage("after.jpg")
        await phone.scan(before.path)
        await until(phone, before, Held)
        await rig.go("offline")
        await until(phone, before, NotYet(Lack.NOT_ON_PHONE))
        left_at = datetime.now(UTC)
        await phone.scan(after.path)
        assert (await phone.holdings([after]))[after] == NotYet(Lack.NOT_ON_PHONE)
        await asyncio.sleep(1.1)
        seen = await phone.phone_seen()
        assert seen is not None
        assert seen <= left_at
        await rig.go("online")
        await until(phone, before, Held)
        await until(phone, after, Held)


async def test_a_deletion_made_offline_is_told_later(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("gone.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        await rig.go("offline")
        (rig.program.phone_folder / file.path).unlink()
        await until(phone, file, NotYet(Lack.NOT_ON_PHONE))
        await rig.go("online")
        await until(phone, file, Freed)


async def test_an_edit_on_the_phone_is_told(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("edited.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        (rig.program.phone_folder / file.path).write_bytes(b"filtered and cropped")
        await until(phone, file, ChangedOnPhone)
        assert await phone.freed() == {}


async def test_the_long_poll_wakes_and_survives_a_restart(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        while await phone.wait_for_change(timedelta(seconds=1)):
            pass
        for name in ("one.jpg", "two.jpg"):
            file = rig.stage(name)
            wake = asyncio.create_task(phone.wait_for_change(timedelta(seconds=20)))
            await asyncio.sleep(0.3)
            await phone.scan(file.path)
            assert await wake
            await until(phone, file, Held)
            await until_uploaded(rig, file)
            assert rig.program.stop() == 0
            with pytest.raises(Transient):
                await phone.scan(file.path)
            rig.program.start()
            # answered at once when events are there, and without an error in any case
            await phone.wait_for_change(timedelta(seconds=1))
            await until(phone, file, Held)
        truth = await rig.truth()
        assert sorted(row["name"] for row in truth["uploads"]) == ["one.jpg", "two.jpg"]


async def test_a_folder_without_its_marker_is_no_mass_deletion(start: Callable[..., Rig]) -> None:
    rig = start()
    async with rig.client() as phone:
        file = rig.stage("kept.jpg")
        await phone.scan(file.path)
        await until(phone, file, Held)
        (rig.program.server_folder / ".stfolder").rmdir()
        (rig.program.server_folder / file.path).unlink()
        with pytest.raises(Transient, match="marker"):
            await phone.scan(file.path)
        rig.program.stop()
        rig.program.start()
        with pytest.raises(Transient, match="marker"):
            await phone.scan(file.path)
        await asyncio.sleep(1)
        assert [row["name"] for row in (await rig.truth())["on_phone"]] == [file.path]
