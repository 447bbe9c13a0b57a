"""What is reported of the archive: which copy, on which archive, and whose loss it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from services.nas_sync.handler import Archive
from services.nas_sync.nas import Nas, init_archive, read_marker
from shared.domain.errors import Permanent
from shared.domain.events import (
    NasMismatch,
    NasVerified,
    RenditionArchived,
    RenditionLost,
    RenditionRenewed,
    Report,
)
from shared.domain.ids import Area, Kind, Resource
from shared.domain.work_items import FileRef, FileWork, RenditionWork
from shared.ports.files import Occupied, SourceMissing, WrongHash
from tests.unit.downloader.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PHOTO, SMALL = (hashlib.shake_256(b"photo").digest(size) for size in (4_000, 900))
NAME = "2024/05/IMG_0001.HEIC"
RETREAT = f".originals/{NAME}"
FILE = FileRef(
    media=1,
    resource=Resource.ORIGINAL,
    area=Area.BACKUP,
    path=NAME,
    sha256=hashlib.sha256(PHOTO).hexdigest(),
    size=len(PHOTO),
)


def work(nas_path: str | None = None) -> FileWork:
    return FileWork(
        stage="nas",
        key=1,
        attempt=1,
        asset="A1",
        created=FakeClock().now(),
        file=FILE,
        filename="IMG_0001.HEIC",
        kind=Kind.PHOTO,
        nas_path=nas_path,
    )


def rendition_work() -> RenditionWork:
    return RenditionWork(
        **work(NAME).model_dump(exclude={"stage"}),
        stage="rendition",
        rendition_path="1/1-x.HEIC",
        rendition_sha256=hashlib.sha256(SMALL).hexdigest(),
        rendition_size=len(SMALL),
    )


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for area in ("backup", "delete_pending", "compress"):
        (tmp_path / "library" / area).mkdir(parents=True)
    put(tmp_path / "library/backup" / NAME, PHOTO)
    put(tmp_path / "library/compress/1/1-x.HEIC", SMALL)
    return tmp_path / "library"


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    (tmp_path / "nas").mkdir()
    init_archive(tmp_path / "nas")
    return tmp_path / "nas"


@pytest.fixture
def archive(library: Path, nas: Path) -> Archive:
    return Archive(library, Nas(nas), FakeClock())


def verified(reports: Sequence[Report]) -> str:
    (report,) = reports
    assert isinstance(report, NasVerified)
    assert (report.sha256, report.asset) == (FILE.sha256, "A1")
    return report.path


async def test_a_file_that_an_album_task_moved_is_archived_all_the_same(
    library: Path, nas: Path, archive: Archive
) -> None:
    away = put(library / "delete_pending" / NAME, b"")
    (library / "backup" / NAME).rename(away)
    assert verified(await archive.store(work())) == NAME
    assert (nas / NAME).read_bytes() == PHOTO


async def test_what_was_archived_before_is_looked_for_first(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    put(nas / RETREAT, PHOTO)
    (library / "backup" / NAME).unlink()
    assert verified(await archive.store(work(RETREAT))) == RETREAT


async def test_what_a_new_disk_lacks_is_stored_at_its_own_place(
    nas: Path, archive: Archive
) -> None:
    assert verified(await archive.store(work(RETREAT))) == NAME
    assert (nas / NAME).read_bytes() == PHOTO


async def test_where_its_rendition_lies_the_original_goes_to_its_retreat(
    nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    for _ in range(2):
        assert verified(await archive.store(work(RETREAT))) == RETREAT
    assert (nas / NAME).read_bytes() == SMALL
    assert (nas / RETREAT).read_bytes() == PHOTO


@pytest.mark.parametrize("suffix", ["", ".jxl"])
async def test_an_original_that_comes_back_goes_behind_the_rendition_that_was_left(
    nas: Path, archive: Archive, suffix: str
) -> None:
    put(nas / f"{NAME}{suffix}", SMALL)
    back = comes_back(suffix)
    for _ in range(2):
        assert verified(await archive.store(back)) == RETREAT
    assert (nas / f"{NAME}{suffix}").read_bytes() == SMALL
    assert (nas / RETREAT).read_bytes() == PHOTO
    assert [path.name for path in (nas / NAME).parent.iterdir()] == [f"IMG_0001.HEIC{suffix}"]


@pytest.mark.parametrize("suffix", ["", ".jxl"])
async def test_an_original_that_comes_back_lies_at_its_own_place_where_no_rendition_is(
    nas: Path, archive: Archive, suffix: str
) -> None:
    assert verified(await archive.store(comes_back(suffix))) == NAME
    assert not (nas / ".originals").exists()


def comes_back(suffix: str) -> FileWork:
    present = {
        "present_path": f"1/1-x.HEIC{suffix}",
        "present_sha256": hashlib.sha256(SMALL).hexdigest(),
        "present_size": len(SMALL),
    }
    return work().model_copy(update=present)


async def test_a_stranger_at_the_place_of_a_new_file_is_no_rendition(
    nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    with pytest.raises(Occupied):
        await archive.store(work())
    assert not (nas / ".originals").exists()


@pytest.mark.parametrize("stage", ["store", "verify", "place_rendition"])
async def test_a_mismatch_names_the_archive_that_it_was_seen_on(
    nas: Path, archive: Archive, stage: str
) -> None:
    if stage == "store":
        put(nas / NAME, SMALL)  # else the copy is missing
    task = rendition_work() if stage == "place_rendition" else work(NAME)
    (report,) = await getattr(archive, stage)(task)
    assert isinstance(report, NasMismatch)
    marker = read_marker(nas)
    assert (report.archive, report.file_system) == (marker.id, marker.fs_uuid)


@pytest.mark.parametrize("damage", [None, SMALL[::-1], SMALL[1:]])
async def test_a_lost_rendition_is_told_and_the_original_stays(
    library: Path, nas: Path, archive: Archive, damage: bytes | None
) -> None:
    put(nas / NAME, PHOTO)
    small = library / "compress/1/1-x.HEIC"
    small.write_bytes(damage) if damage else small.unlink()
    (report,) = await archive.place_rendition(rendition_work())
    assert isinstance(report, RenditionLost)
    assert (nas / NAME).read_bytes() == PHOTO


async def test_trouble_with_the_original_is_no_lost_rendition(nas: Path, archive: Archive) -> None:
    put(nas / NAME, b"edited by hand")
    with pytest.raises(WrongHash):
        await archive.place_rendition(rendition_work())


@pytest.mark.parametrize("stage", ["nas", "verify"])
async def test_an_original_is_found_behind_the_rendition_that_older_books_do_not_know(
    library: Path, nas: Path, archive: Archive, stage: str
) -> None:
    put(nas / NAME, SMALL)
    put(nas / RETREAT, PHOTO)
    known = work(NAME)
    (report,) = await (archive.store if stage == "nas" else archive.verify)(known)
    assert isinstance(report, NasVerified)
    assert (report.path, report.sha256) == (RETREAT, FILE.sha256)
    put(nas / RETREAT, PHOTO[::-1])
    (other,) = await (archive.store if stage == "nas" else archive.verify)(known)
    assert isinstance(other, NasMismatch)


async def test_a_placed_rendition_is_no_lost_one_when_the_work_comes_again(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, PHOTO)
    for _ in range(2):
        (report,) = await archive.place_rendition(rendition_work())
        assert isinstance(report, RenditionArchived)
    assert not (library / "compress/1").exists()


async def test_a_rendition_of_another_form_gets_its_suffix_behind_the_originals_name(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, PHOTO)
    put(library / "compress/1/1-x.HEIC.jxl", SMALL)
    packed = rendition_work().model_copy(update={"rendition_path": "1/1-x.HEIC.jxl"})
    (report,) = await archive.place_rendition(packed)
    assert isinstance(report, RenditionArchived)
    assert (report.rendition_path, report.original_path) == (f"{NAME}.jxl", RETREAT)
    assert not (nas / NAME).exists()
    assert (nas / RETREAT).read_bytes() == PHOTO


SMALLER = SMALL[:300]


def renewal_work(library: Path) -> RenditionWork:
    put(library / "compress/1/2-x.HEIC", SMALLER)
    return rendition_work().model_copy(
        update={
            "rendition_path": "1/2-x.HEIC",
            "rendition_sha256": hashlib.sha256(SMALLER).hexdigest(),
            "rendition_size": len(SMALLER),
            "former_sha256": hashlib.sha256(SMALL).hexdigest(),
        }
    )


@pytest.mark.parametrize("before", [SMALL, PHOTO], ids=["renditions place", "a new disk"])
async def test_a_renewed_rendition_takes_the_place_and_the_original_stays_behind_it(
    library: Path, nas: Path, archive: Archive, before: bytes
) -> None:
    put(nas / NAME, before)
    if before == SMALL:
        put(nas / RETREAT, PHOTO)
    for _ in range(2):
        (report,) = await archive.place_rendition(renewal_work(library))
        assert isinstance(report, RenditionArchived)
        assert (report.original_path, report.original_sha256) == (RETREAT, FILE.sha256)
        assert ((nas / NAME).read_bytes(), (nas / RETREAT).read_bytes()) == (SMALLER, PHOTO)
    assert [path.name for path in (nas / NAME).parent.iterdir()] == ["IMG_0001.HEIC"]


async def test_where_the_original_is_gone_the_new_rendition_takes_the_formers_place(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    alone = renewal_work(library).model_copy(update={"alone": True})
    for _ in range(2):
        (report,) = await archive.place_rendition(alone)
        assert isinstance(report, RenditionRenewed)
        assert report.sha256 == alone.rendition_sha256
        assert (nas / NAME).read_bytes() == SMALLER
    assert [path.name for path in (nas / NAME).parent.iterdir()] == ["IMG_0001.HEIC"]


async def test_a_rendition_that_was_placed_alone_stays_when_the_original_has_come_back(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    await archive.place_rendition(renewal_work(library).model_copy(update={"alone": True}))
    put(nas / RETREAT, PHOTO)
    (report,) = await archive.place_rendition(renewal_work(library))
    assert isinstance(report, RenditionArchived)
    assert ((nas / NAME).read_bytes(), (nas / RETREAT).read_bytes()) == (SMALLER, PHOTO)


@pytest.mark.parametrize("there", [None, SMALL[::-1], PHOTO])
async def test_where_the_original_is_gone_nothing_but_the_former_rendition_is_replaced(
    library: Path, nas: Path, archive: Archive, there: bytes | None
) -> None:
    if there is not None:
        put(nas / NAME, there)
    alone = renewal_work(library).model_copy(update={"alone": True})
    with pytest.raises(Permanent):
        await archive.place_rendition(alone)
    assert there is None or (nas / NAME).read_bytes() == there


async def test_a_new_rendition_that_is_damaged_leaves_the_former_one(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    alone = renewal_work(library).model_copy(update={"alone": True})
    put(library / "compress/1/2-x.HEIC", SMALLER[::-1])
    (report,) = await archive.place_rendition(alone)
    assert isinstance(report, RenditionLost)
    assert (nas / NAME).read_bytes() == SMALL


@pytest.mark.parametrize("behind", [None, PHOTO[::-1]])
async def test_a_rendition_is_never_renewed_while_its_original_is_not_proven(
    library: Path, nas: Path, archive: Archive, behind: bytes | None
) -> None:
    put(nas / NAME, SMALL)
    if behind is not None:
        put(nas / RETREAT, behind)
    (report,) = await archive.place_rendition(renewal_work(library))
    assert isinstance(report, NasMismatch)
    assert (nas / NAME).read_bytes() == SMALL


async def test_a_rendition_is_not_renewed_by_one_of_another_form(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, SMALL)
    put(nas / RETREAT, PHOTO)
    work = renewal_work(library)
    put(library / "compress/1/2-x.HEIC.jxl", SMALLER)
    with pytest.raises(Permanent, match="another form"):
        await archive.place_rendition(work.model_copy(update={"rendition_path": "1/2-x.HEIC.jxl"}))
    assert ((nas / NAME).read_bytes(), (nas / RETREAT).read_bytes()) == (SMALL, PHOTO)


async def test_what_a_person_made_of_a_rendition_is_not_renewed(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / RETREAT, PHOTO)
    with pytest.raises(Permanent, match="gone from the archive"):
        await archive.place_rendition(renewal_work(library))
    put(nas / NAME, b"edited by hand")
    with pytest.raises(WrongHash):
        await archive.place_rendition(renewal_work(library))
    assert (nas / NAME).read_bytes() == b"edited by hand"


async def test_what_earlier_tries_made_goes_with_the_rendition_that_was_archived(
    library: Path, nas: Path, archive: Archive
) -> None:
    put(nas / NAME, PHOTO)
    stays = [
        put(library / "compress/1" / name, SMALL)
        for name in (".2-00c0ffee.HEIC.partial", "2-00c0ffee.HEIC", "mine")
    ]
    put(library / "compress/1/1-00c0ffee.HEIC.jxl", SMALL)
    put(library / "compress/2/1-00c0ffee.HEIC", SMALL)
    (report,) = await archive.place_rendition(rendition_work())
    assert isinstance(report, RenditionArchived)
    assert sorted((library / "compress/1").iterdir()) == stays
    assert (library / "compress/2/1-00c0ffee.HEIC").exists()


async def test_a_file_that_is_nowhere_is_tried_again_later(library: Path, archive: Archive) -> None:
    (library / "backup" / NAME).unlink()
    with pytest.raises(SourceMissing):
        await archive.store(work())
