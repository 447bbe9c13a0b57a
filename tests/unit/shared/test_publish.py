"""The one publish function: what lands, what is refused, and what a failing disk leaves behind."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.adapters import file_syscalls
from shared.adapters.publishing import commit, publish
from shared.ports.files import (
    DiskFull,
    DiskTrouble,
    Occupied,
    Refused,
    SourceMissing,
    Unsupported,
    WrongHash,
    WrongLength,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PHOTO = hashlib.shake_256(b"photo").digest(70_000)
SHA = hashlib.sha256(PHOTO).hexdigest()


def failing(times: int, code: int, real: Callable[[int], None]) -> Callable[[int], None]:
    left = iter(range(times))

    def call(fd: int) -> None:
        if next(left, None) is not None:
            raise OSError(code, os.strerror(code))
        real(fd)

    return call


def stream() -> Iterator[bytes]:
    yield PHOTO[:30_000]
    yield b""
    yield PHOTO[30_000:]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_land_whole_with_new_parents_and_the_given_time(tmp_path: Path) -> None:
    target = tmp_path / "2024" / "05" / "IMG_0001.HEIC"
    published = publish(stream(), target, size=len(PHOTO), sha256=SHA, mtime=1_000_000.5)
    assert (published.path, published.size, published.sha256) == (target, len(PHOTO), SHA)
    assert target.read_bytes() == PHOTO
    assert target.stat().st_mtime == 1_000_000.5
    assert names(target.parent) == [target.name]


def test_files_and_readers_are_sources_too(tmp_path: Path) -> None:
    first = publish(io.BytesIO(PHOTO), tmp_path / "one")
    second = publish(first.path, tmp_path / "two", size=first.size, sha256=first.sha256)
    assert second.path.read_bytes() == PHOTO


def test_a_redelivery_succeeds_without_reading_its_source(tmp_path: Path) -> None:
    publish([PHOTO], tmp_path / "a")
    again = publish(tmp_path / "gone", tmp_path / "a", size=len(PHOTO), sha256=SHA)
    assert again.sha256 == SHA


def test_a_redelivery_of_unknown_bytes_is_compared_after_writing(tmp_path: Path) -> None:
    publish([PHOTO], tmp_path / "a")
    assert publish([PHOTO], tmp_path / "a").sha256 == SHA
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("other", [b"", b"other", PHOTO[:-1] + b"x"])
@pytest.mark.parametrize("known", [True, False])
def test_other_bytes_at_the_target_are_never_replaced(
    tmp_path: Path, other: bytes, known: bool
) -> None:
    target = tmp_path / "a"
    target.write_bytes(other)
    size, sha256 = (len(PHOTO), SHA) if known else (None, None)
    with pytest.raises(Occupied):
        publish([PHOTO], target, size=size, sha256=sha256)
    assert target.read_bytes() == other
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("make", ["symlink", "folder", "dangling"])
def test_a_link_or_folder_at_the_target_is_occupied(tmp_path: Path, make: str) -> None:
    (tmp_path / "real").write_bytes(PHOTO)
    target = tmp_path / "a"
    if make == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / ("real" if make == "symlink" else "nothing"))
    with pytest.raises(Occupied):
        publish([PHOTO], target, size=len(PHOTO), sha256=SHA)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("size", [len(PHOTO) - 1, len(PHOTO) + 1, 0])
def test_a_wrong_length_never_lands(tmp_path: Path, size: int) -> None:
    with pytest.raises(WrongLength):
        publish(stream(), tmp_path / "a", size=size)
    assert names(tmp_path) == []


def test_a_wrong_hash_never_lands(tmp_path: Path) -> None:
    with pytest.raises(WrongHash):
        publish([b"x" + PHOTO[1:]], tmp_path / "a", size=len(PHOTO), sha256=SHA)
    assert names(tmp_path) == []


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield PHOTO
        raise ConnectionResetError(errno.ECONNRESET, "cut")

    with pytest.raises(ConnectionResetError):
        publish(broken(), tmp_path / "a")
    assert names(tmp_path) == []


def test_a_missing_source_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        publish(tmp_path / "none", tmp_path / "a")


def test_after_a_failed_fsync_the_source_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []

    def fsync(fd: int) -> None:
        flushed.append(os.fstat(fd).st_ino)
        if len(flushed) == 1:
            raise OSError(errno.EIO, "io")

    publish([b"warm"], tmp_path / "warm")
    monkeypatch.setattr(file_syscalls, "fsync", fsync)
    assert publish([PHOTO], tmp_path / "a").sha256 == SHA
    kept = (tmp_path / "a").stat().st_ino
    assert flushed[1] == kept
    assert names(tmp_path) == ["a", "warm"]


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.EIO, DiskTrouble), (errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull)],
)
def test_fsync_tries_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    publish([b"warm"], tmp_path / "warm")
    monkeypatch.setattr(file_syscalls, "fsync", failing(99, code, file_syscalls.fsync))
    with pytest.raises(error):
        publish([PHOTO], tmp_path / "a")
    part = tmp_path / "x.part"
    part.write_bytes(PHOTO)
    with pytest.raises(error):
        commit(part, tmp_path / "x")
    assert names(tmp_path) == ["warm"]


def test_a_commit_onto_itself_keeps_the_file(tmp_path: Path) -> None:
    """rclone#1261 #577: a move onto itself loses the file."""
    (tmp_path / "a").write_bytes(PHOTO)
    commit(tmp_path / "a", tmp_path / "a", size=len(PHOTO), sha256=SHA)
    assert (tmp_path / "a").read_bytes() == PHOTO


def test_a_publish_onto_itself_keeps_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(PHOTO)
    publish(tmp_path / "a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == PHOTO


def test_a_one_shot_source_is_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([b"warm"], tmp_path / "warm")
    monkeypatch.setattr(file_syscalls, "fsync", failing(1, errno.EIO, file_syscalls.fsync))
    with pytest.raises(DiskTrouble, match="start over"):
        publish(stream(), tmp_path / "a")
    assert names(tmp_path) == ["warm"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, DiskFull),
        (errno.EIO, DiskTrouble),
        (errno.ESTALE, DiskTrouble),
        (errno.EFBIG, Refused),
    ],
)
def test_a_failing_write_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    def write(fd: int, data: memoryview) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(file_syscalls, "write", write)
    with pytest.raises(error, match=str(tmp_path)):
        publish([PHOTO], tmp_path / "a")
    assert names(tmp_path) == []


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_syscalls, "write", lambda fd, data: os.write(fd, data[:9_999]))
    assert publish([PHOTO], tmp_path / "a", sha256=SHA).path.read_bytes() == PHOTO


def test_a_real_size_limit_leaves_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE cuts one write short and refuses the next, as a full disk does."""
    code = (
        "import resource, sys, pathlib\n"
        "from shared.adapters.publishing import publish\n"
        "from shared.ports.files import Refused\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "try: publish([b'x' * 70_000], pathlib.Path(sys.argv[1]) / 'a')\n"
        "except Refused: sys.exit(42)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 42
    assert names(tmp_path) == []


def no_flags(source: Path, target: Path) -> None:
    raise OSError(errno.EINVAL, "no such flag")


def test_without_rename_flags_a_link_places_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_syscalls, "rename_new", no_flags)
    assert publish([PHOTO], tmp_path / "a").path.stat().st_nlink == 1
    with pytest.raises(Occupied):
        publish([b"other"], tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == PHOTO


def test_with_neither_way_it_refuses_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(file_syscalls, "rename_new", no_flags)
    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(Unsupported, match="hard links"):
        publish([PHOTO], tmp_path / "a")
    assert names(tmp_path) == []


def test_a_name_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        publish([PHOTO], tmp_path / ("x" * 300))
    assert names(tmp_path) == []


def test_a_finished_download_is_committed_once(tmp_path: Path) -> None:
    part, target = tmp_path / "x.part", tmp_path / "backup" / "x"
    part.write_bytes(PHOTO)
    commit(part, target, size=len(PHOTO), sha256=SHA, mtime=5.0)
    assert (names(tmp_path), target.read_bytes(), target.stat().st_mtime) == (
        ["backup"],
        PHOTO,
        5.0,
    )
    assert commit(part, target, size=len(PHOTO), sha256=SHA).sha256 == SHA
    part.write_bytes(PHOTO)
    assert commit(part, target, size=len(PHOTO), sha256=SHA).sha256 == SHA
    assert not part.exists()


def test_a_commit_never_replaces_and_keeps_what_can_be_resumed(tmp_path: Path) -> None:
    part, target = tmp_path / "x.part", tmp_path / "x"
    part.write_bytes(PHOTO[:-5])
    with pytest.raises(WrongLength):
        commit(part, target, size=len(PHOTO), sha256=SHA)
    assert part.exists()
    target.write_bytes(b"other")
    part.write_bytes(PHOTO)
    with pytest.raises(Occupied):
        commit(part, target, size=len(PHOTO), sha256=SHA)
    assert (target.read_bytes(), part.read_bytes()) == (b"other", PHOTO)


@pytest.mark.parametrize("fault", ["hash", "fsync"])
def test_a_partial_file_that_cannot_be_trusted_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    part = tmp_path / "x.part"
    publish([b"warm"], tmp_path / "warm")
    part.write_bytes(PHOTO if fault == "fsync" else PHOTO[::-1])
    if fault == "fsync":
        monkeypatch.setattr(file_syscalls, "fsync", failing(1, errno.EIO, file_syscalls.fsync))
    with pytest.raises(DiskTrouble if fault == "fsync" else WrongHash):
        commit(part, tmp_path / "x", size=len(PHOTO), sha256=SHA)
    assert names(tmp_path) == ["warm"]


def test_a_lost_partial_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        commit(tmp_path / "x.part", tmp_path / "x", size=1, sha256=SHA)


def test_new_parents_are_durable_before_anything_is_put_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(
        file_syscalls,
        "fsync",
        lambda fd: flushed.append(str(Path(f"/proc/self/fd/{fd}").readlink())),
    )
    publish([PHOTO], tmp_path / "2024" / "05" / "a")
    temp = next(i for i, name in enumerate(flushed) if name.endswith(".part"))
    assert {str(tmp_path), str(tmp_path / "2024")} <= set(flushed[:temp])
    assert flushed[temp + 1 :] == [str(tmp_path / "2024" / "05")]
