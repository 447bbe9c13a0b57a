"""Moves: once, never over another file, never losing the only name."""

from __future__ import annotations

import errno
import hashlib
from typing import TYPE_CHECKING

import pytest

from shared.adapters import file_syscalls
from shared.adapters.moving import move
from shared.ports.files import Occupied, SourceMissing, UnsafePath, WrongLength

if TYPE_CHECKING:
    from pathlib import Path

PHOTO = hashlib.shake_256(b"photo").digest(5_000)
SHA = hashlib.sha256(PHOTO).hexdigest()


def go(source: Path, target: Path) -> None:
    moved = move(source, target, size=len(PHOTO), sha256=SHA)
    assert (moved.path, moved.size, moved.sha256) == (target, len(PHOTO), SHA)


@pytest.fixture(params=["rename", "link"])
def pair(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    if request.param == "link":

        def no_flags(source: Path, target: Path) -> None:
            raise OSError(errno.EINVAL, "no such flag")

        monkeypatch.setattr(file_syscalls, "rename_new", no_flags)
    source = tmp_path / "backup" / "a"
    source.parent.mkdir()
    source.write_bytes(PHOTO)
    return source, tmp_path / "delete_pending" / "a"


def test_a_move_is_made_once(pair: tuple[Path, Path]) -> None:
    source, target = pair
    for _ in range(2):
        go(source, target)
        assert not source.exists()
        assert target.read_bytes() == PHOTO


def test_a_move_never_replaces(pair: tuple[Path, Path]) -> None:
    source, target = pair
    target.parent.mkdir()
    target.write_bytes(b"other")
    with pytest.raises(Occupied):
        go(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (PHOTO, b"other")


def test_a_move_that_died_between_two_names_is_finished(pair: tuple[Path, Path]) -> None:
    source, target = pair
    target.parent.mkdir()
    target.hardlink_to(source)
    go(source, target)
    assert not source.exists()
    assert target.read_bytes() == PHOTO


def test_a_move_onto_an_equal_copy_drops_the_source_only(pair: tuple[Path, Path]) -> None:
    source, target = pair
    target.parent.mkdir()
    target.write_bytes(PHOTO)
    go(source, target)
    assert not source.exists()
    assert target.read_bytes() == PHOTO


def test_a_changed_source_is_not_dropped_for_a_good_target(pair: tuple[Path, Path]) -> None:
    source, target = pair
    target.parent.mkdir()
    target.write_bytes(PHOTO)
    source.write_bytes(PHOTO[::-1])
    with pytest.raises(Occupied):
        go(source, target)
    assert source.read_bytes() == PHOTO[::-1]


def test_a_move_onto_itself_keeps_the_file(pair: tuple[Path, Path], tmp_path: Path) -> None:
    source, _ = pair
    (tmp_path / "alias").symlink_to(source.parent)
    for target in (source, tmp_path / "alias" / "a"):
        go(source, target)
        assert source.read_bytes() == PHOTO


def test_a_move_onto_itself_in_other_letters_keeps_the_file(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that ignores case: both spellings exist, the folder lists one."""
    source, _ = pair
    target = source.with_name("A")
    target.hardlink_to(source)
    monkeypatch.setattr("pathlib.Path.iterdir", lambda folder: iter([folder / "a"]))
    go(source, target)
    assert source.exists()


def test_what_is_not_there_or_not_whole_is_not_moved(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    source, target = pair
    with pytest.raises(SourceMissing):
        go(tmp_path / "none", target)
    link = tmp_path / "link"
    link.symlink_to(source)
    with pytest.raises(UnsafePath):
        go(link, target)
    source.write_bytes(b"")
    with pytest.raises(WrongLength):
        go(source, target)
    assert not target.exists()
