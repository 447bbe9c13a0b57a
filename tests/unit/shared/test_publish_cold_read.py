"""Cold reads: the bytes of the disk, honestly graded."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING

import pytest

from shared.adapters import cold_read, file_syscalls
from shared.adapters.cold_read import cold_sha256
from shared.adapters.mounts import Mount, mount_of
from shared.domain.errors import PhotoductError
from shared.ports.files import DiskTrouble, SourceMissing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 3, 2_500_001])
@pytest.mark.parametrize("direct", [True, False])
def test_every_size_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, direct: bool
) -> None:
    path, data = tmp_path / "a", os.urandom(size)
    path.write_bytes(data)
    if not direct:
        monkeypatch.setattr(
            os, "O_DIRECT", os.O_DIRECTORY | os.O_CREAT
        )  # EINVAL, as where it is unknown
    found = cold_sha256(path)
    assert (found.sha256, found.size) == (hashlib.sha256(data).hexdigest(), size)


def test_the_file_is_flushed_and_dropped_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, steps = tmp_path / "a", list[str]()
    path.write_bytes(b"x" * 9_000)
    real = os.preadv

    def fsync(fd: int) -> None:
        steps.append("dir" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")

    def preadv(fd: int, buffers: list[memoryview], offset: int) -> int:
        steps.append("read")
        return real(fd, buffers, offset)

    monkeypatch.setattr(file_syscalls, "fsync", fsync)
    monkeypatch.setattr(os, "posix_fadvise", lambda *args: steps.append(f"drop {args[1:]}"))
    monkeypatch.setattr(os, "preadv", preadv)
    cold_sha256(path)
    assert steps[:4] == ["file", "dir", f"drop (0, 0, {os.POSIX_FADV_DONTNEED})", "read"]


def test_a_failed_flush_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "io")

    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(file_syscalls, "fsync", fail)
    with pytest.raises(DiskTrouble):
        cold_sha256(tmp_path / "a")


def test_a_file_that_changes_meanwhile_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    real = cold_read._hash_open

    def grow(fd: int) -> tuple[str, int]:
        found = real(fd)
        path.write_bytes(b"x" * 101)
        return found

    monkeypatch.setattr(cold_read, "_hash_open", grow)
    with pytest.raises(DiskTrouble, match="changed"):
        cold_sha256(path)


def test_links_folders_pipes_and_nothing_are_no_copies(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(PhotoductError):
            cold_sha256(tmp_path / name)
    with pytest.raises(PhotoductError):
        cold_sha256(tmp_path)
    with pytest.raises(SourceMissing):
        cold_sha256(tmp_path / "none")


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuseblk", "9p", "virtiofs", "zfs"]
)
def test_remote_disks_prove_less(kind: str) -> None:
    assert Mount(1, kind, "x").grade == "weak"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "f2fs", "exfat", "tmpfs", "overlay"])
def test_local_disks_are_cold(kind: str) -> None:
    assert Mount(1, kind, "x").grade == "cold"


def test_a_mount_is_told_the_same_each_time(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert mount_of(fd) == mount_of(fd)
        assert mount_of(fd).fs_identity.split(":")[0] in {"uuid", "fsid", "origin"}
    finally:
        os.close(fd)
