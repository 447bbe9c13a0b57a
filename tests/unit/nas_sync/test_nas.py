"""The archive: the marker decides, copies are proven, originals retire and are never lost."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from services.nas_sync import nas as module
from services.nas_sync.nas import MARKER, AlreadyAnArchive, Nas, init_archive, read_marker
from services.nas_sync.ports import CopyDiffers, CopyMissing, NasMissing, RenditionUnusable
from shared.adapters import file_syscalls
from shared.adapters.cold_read import cold_sha256
from shared.adapters.local_files import resolve_beneath
from shared.ports.files import Occupied, UnsafePath, WrongHash

if TYPE_CHECKING:
    from pathlib import Path

    from services.nas_sync.ports import Evidence, NasArchive

PHOTO, SMALL = (hashlib.shake_256(b"photo").digest(size) for size in (40_000, 9_000))
SHA, SMALL_SHA = (hashlib.sha256(data).hexdigest() for data in (PHOTO, SMALL))
NAME = "2024/05/IMG_0001.HEIC"
PACKED = f"{NAME}.jxl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "nas"
    root.mkdir()
    init_archive(root)
    return root


@pytest.fixture
def nas(root: Path) -> NasArchive:
    return Nas(root)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photo").write_bytes(PHOTO)
    os.utime(tmp_path / "photo", (1e9, 1e9))
    return tmp_path / "photo"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small").write_bytes(SMALL)
    return tmp_path / "small"


def replace(nas: NasArchive, small: Path, shown: str = NAME) -> tuple[Evidence, Evidence]:
    return nas.replace_with_rendition(
        NAME,
        small,
        shown=shown,
        rendition_size=len(SMALL),
        rendition_sha256=SMALL_SHA,
        original_sha256=SHA,
    )


def test_a_marker_is_made_once(root: Path) -> None:
    first = read_marker(root)
    with pytest.raises(AlreadyAnArchive):
        init_archive(root)
    assert read_marker(root) == first


def test_no_folder_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(NasMissing):
        init_archive(tmp_path / "none")


@pytest.mark.parametrize("text", [None, b"", b"{}", b"[]", b"{\"photoduct_archive\": 1, \"id\": 5}", b"\xff", b'{"photoduct_archive": 2}'])  # fmt: skip
def test_without_a_good_marker_nothing_is_done(
    root: Path, nas: NasArchive, photo: Path, text: bytes | None
) -> None:
    (root / MARKER).unlink()
    if text is not None:
        (root / MARKER).write_bytes(text)
    with pytest.raises(NasMissing, match=MARKER):
        nas.store(NAME, photo, len(PHOTO), SHA)
    with pytest.raises(NasMissing):
        nas.verify(NAME, SHA, len(PHOTO))
    with pytest.raises(NasMissing):
        nas.room()
    assert not (root / "2024").exists()


def test_a_linked_marker_does_not_count(root: Path, tmp_path: Path) -> None:
    (root / MARKER).rename(tmp_path / "marker")
    (root / MARKER).symlink_to(tmp_path / "marker")
    with pytest.raises(NasMissing):
        read_marker(root)


def test_a_stored_photo_is_proven_and_dated(root: Path, nas: NasArchive, photo: Path) -> None:
    archive = read_marker(root)
    for _ in range(2):
        proof = nas.store(NAME, photo, len(PHOTO), SHA)
        assert (proof.path, proof.sha256, proof.size) == (NAME, SHA, len(PHOTO))
        assert (proof.archive_id, proof.fs_uuid, proof.grade) == (
            archive.id,
            archive.fs_uuid,
            archive.grade,
        )
        assert nas.verify(NAME, SHA, len(PHOTO)) == proof
    assert (root / NAME).read_bytes() == PHOTO
    assert (root / NAME).stat().st_mtime == 1e9


def test_a_namesake_is_never_replaced(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    nas.store(NAME, photo, len(PHOTO), SHA)
    with pytest.raises(Occupied):
        nas.store(NAME, small, len(SMALL), SMALL_SHA)
    assert (root / NAME).read_bytes() == PHOTO


def test_a_rotten_source_is_not_archived(root: Path, nas: NasArchive, photo: Path) -> None:
    photo.write_bytes(PHOTO[::-1])
    with pytest.raises(WrongHash):
        nas.store(NAME, photo, len(PHOTO), SHA)
    assert not (root / NAME).exists()


def test_rot_truncation_and_loss_are_told_apart(root: Path, nas: NasArchive, photo: Path) -> None:
    nas.store(NAME, photo, len(PHOTO), SHA)
    for damage in (PHOTO[:-1] + b"\0", PHOTO[:-1], b""):
        (root / NAME).write_bytes(damage)
        with pytest.raises(CopyDiffers):
            nas.verify(NAME, SHA, len(PHOTO))
    (root / NAME).unlink()
    with pytest.raises(CopyMissing):
        nas.verify(NAME, SHA, len(PHOTO))


def test_paths_stay_in_the_archive(root: Path, nas: NasArchive, photo: Path) -> None:
    (root / "out").symlink_to(root.parent)
    for name in ("../x", "/x", "out/x", ""):
        with pytest.raises(UnsafePath):
            nas.store(name, photo, len(PHOTO), SHA)
    assert not (root.parent / "x").exists()


@pytest.mark.parametrize("what", ["unplugged", "swapped"])
def test_an_archive_that_goes_meanwhile_voids_the_proof(
    root: Path, nas: NasArchive, photo: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def pull(path: Path) -> object:
        found = cold_sha256(path)
        (root / MARKER).unlink()
        if what == "swapped":
            init_archive(root)
        return found

    monkeypatch.setattr(module, "cold_sha256", pull)
    with pytest.raises(NasMissing):
        nas.store(NAME, photo, len(PHOTO), SHA)


def test_a_loss_seen_while_unplugged_is_no_loss(
    root: Path, nas: NasArchive, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """syncthing#10487, photoprism#2299: unmounted storage read as mass deletion."""
    nas.store(NAME, photo, len(PHOTO), SHA)

    def unplug(base: Path, relative: str) -> Path:
        path = resolve_beneath(base, relative)
        root.rename(root.with_name("elsewhere"))
        root.mkdir()
        return path

    monkeypatch.setattr(module, "resolve_beneath", unplug)
    with pytest.raises(NasMissing):
        nas.verify(NAME, SHA, len(PHOTO))


@pytest.mark.parametrize("swapping", [True, False])
def test_a_rendition_takes_the_place_and_both_are_proven(
    root: Path,
    nas: NasArchive,
    photo: Path,
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    swapping: bool,
) -> None:
    def no_swap(one: Path, other: Path) -> None:
        raise OSError(errno.EINVAL, "no such flag")

    if not swapping:
        monkeypatch.setattr(file_syscalls, "exchange_names", no_swap)
    nas.store(NAME, photo, len(PHOTO), SHA)
    for _ in range(2):
        original, rendition = replace(nas, small)
        assert (original.path, original.sha256, original.size) == (
            f".originals/{NAME}",
            SHA,
            len(PHOTO),
        )
        assert (rendition.path, rendition.sha256, rendition.size) == (NAME, SMALL_SHA, len(SMALL))
    assert (root / NAME).read_bytes() == SMALL
    assert (root / ".originals" / NAME).read_bytes() == PHOTO
    assert (root / NAME).stat().st_mtime == 1e9
    assert [path.name for path in (root / NAME).parent.iterdir()] == ["IMG_0001.HEIC"]


def test_a_bad_rendition_never_takes_the_place(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    """Tdarr#408 #411 #511: a bad transcode replaces the source."""
    nas.store(NAME, photo, len(PHOTO), SHA)
    for damage in (SMALL[::-1], SMALL[1:], None):
        small.write_bytes(damage) if damage else small.unlink()
        with pytest.raises(RenditionUnusable):
            replace(nas, small)
        assert (root / NAME).read_bytes() == PHOTO


def test_a_rendition_of_another_form_lies_beside_the_place_that_the_original_leaves(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    nas.store(NAME, photo, len(PHOTO), SHA)
    for _ in range(2):
        original, rendition = replace(nas, small, PACKED)
        assert (original.path, original.sha256) == (f".originals/{NAME}", SHA)
        assert (rendition.path, rendition.sha256, rendition.size) == (PACKED, SMALL_SHA, len(SMALL))
        small.unlink(
            missing_ok=True
        )  # as after the report: the second time all lies where it belongs
    assert (root / ".originals" / NAME).read_bytes() == PHOTO
    assert [path.name for path in (root / NAME).parent.iterdir()] == ["IMG_0001.HEIC.jxl"]
    assert (root / PACKED).stat().st_mtime == 1e9


def test_an_original_stays_until_its_rendition_lies_beside_it(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    nas.store(NAME, photo, len(PHOTO), SHA)
    (root / PACKED).write_bytes(b"another photo of that name")
    with pytest.raises(Occupied):
        replace(nas, small, PACKED)
    (root / PACKED).unlink()
    small.write_bytes(SMALL[::-1])
    with pytest.raises(RenditionUnusable):
        replace(nas, small, PACKED)
    assert (root / NAME).read_bytes() == PHOTO
    (root / NAME).write_bytes(b"edited by hand on the NAS")
    with pytest.raises(CopyDiffers):
        replace(nas, small, PACKED)
    assert [path.name for path in (root / NAME).parent.iterdir()] == ["IMG_0001.HEIC"]


def test_only_the_recorded_original_is_retired(root: Path, nas: NasArchive, small: Path) -> None:
    (root / NAME).parent.mkdir(parents=True)
    (root / NAME).write_bytes(b"edited by hand on the NAS")
    with pytest.raises(WrongHash):
        replace(nas, small)
    assert (root / NAME).read_bytes() == b"edited by hand on the NAS"
    (root / NAME).unlink()
    with pytest.raises(CopyMissing):
        replace(nas, small)


def test_the_room_is_that_of_the_archive(root: Path, nas: NasArchive) -> None:
    found = os.statvfs(root)
    room = nas.room()
    assert 0 < room.free < room.size == found.f_blocks * found.f_frsize


def test_equal_photos_in_one_folder_can_be_replaced_at_once(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    names = [f"2024/05/IMG_{n:04}.HEIC" for n in range(12)]
    for name in names:
        nas.store(name, photo, len(PHOTO), SHA)

    def put(name: str) -> tuple[Evidence, Evidence]:
        return nas.replace_with_rendition(
            name,
            small,
            shown=name,
            rendition_size=len(SMALL),
            rendition_sha256=SMALL_SHA,
            original_sha256=SHA,
        )

    with ThreadPoolExecutor(4) as pool:
        proofs = list(pool.map(put, names))
    assert {(original.sha256, placed.sha256) for original, placed in proofs} == {(SHA, SMALL_SHA)}
    assert all((root / ".originals" / name).read_bytes() == PHOTO for name in names)
    assert not list(root.rglob("*.exchange"))


def test_two_workers_at_one_rendition_both_find_it_placed(
    root: Path, nas: NasArchive, photo: Path, small: Path
) -> None:
    for number in range(8):
        name = f"2024/05/IMG_{number:04}.HEIC"
        nas.store(name, photo, len(PHOTO), SHA)

        def put(_: int, name: str = name) -> tuple[Evidence, Evidence]:
            return nas.replace_with_rendition(
                name,
                small,
                shown=name,
                rendition_size=len(SMALL),
                rendition_sha256=SMALL_SHA,
                original_sha256=SHA,
            )

        with ThreadPoolExecutor(4) as pool:
            proofs = list(pool.map(put, range(4)))
        assert {one.sha256 for one, _ in proofs} == {SHA}
        assert (root / ".originals" / name).read_bytes() == PHOTO
    assert not list(root.rglob("*.exchange"))
