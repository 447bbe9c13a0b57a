"""Which file system a folder lies on, told so that a swapped disk shows; reads only."""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.ports.files import Grade

_FS_IOC_GETFSUUID = 0x80111500
_WEAK = re.compile(r"(nfs|cifs|smb|fuse|9p|virtiofs|afs|ceph|lustre|gfs|ocfs|vboxsf|coda|zfs)")
"""File systems whose server, daemon or own cache can answer in place of the disk."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system; `mount_id` lasts until it is unmounted, `fs_identity` as long as the file system."""

    mount_id: int
    fs_type: str
    fs_identity: str

    @property
    def grade(self) -> Grade:
        """Return how strong a cold read from it is."""
        return "weak" if _WEAK.match(self.fs_type) else "cold"


def mount_of(fd: int) -> Mount:
    """Return the mount that an open file or folder lies on; raises OSError."""
    mount_id = _mount_id(fd)
    fs_type, origin = _mount_line(mount_id)
    return Mount(mount_id, fs_type, _identity(fd, f"origin:{fs_type}:{origin}"))


def _mount_id(fd: int) -> int:
    text = Path(f"/proc/self/fdinfo/{fd}").read_text()
    return int(text.partition("mnt_id:")[2].split()[0])


def _mount_line(mount_id: int) -> tuple[str, str]:
    """Return type and origin (device, server) of a mount, as /proc/self/mountinfo tells them."""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        if line.split(" ", 1)[0] == str(mount_id):
            fs_type, origin, *_ = line.partition(" - ")[2].split(" ")
            return fs_type, origin
    raise FileNotFoundError(f"mount {mount_id} is gone")


def _identity(fd: int, otherwise: str) -> str:
    """Return the file system's UUID, else its statvfs id, else where it was mounted from."""
    found = _uuid_from_kernel(fd) or _uuid_from_udev(os.fstat(fd).st_dev)
    if found:
        return f"uuid:{found}"
    number = os.fstatvfs(fd).f_fsid
    return f"fsid:{number:016x}" if number else otherwise


def _uuid_from_kernel(fd: int) -> str | None:
    """Ask the file system (Linux 6.9 and later: ext4, xfs, btrfs, f2fs ...)."""
    answer = bytearray(17)
    try:
        fcntl.ioctl(fd, _FS_IOC_GETFSUUID, answer)
    except OSError:
        return None
    length, number = answer[0], bytes(answer[1:])
    return str(uuid.UUID(bytes=number)) if length == 16 and any(number) else None


def _uuid_from_udev(device: int, folder: Path = Path("/dev/disk/by-uuid")) -> str | None:
    if not folder.is_dir():  # in a container, mostly
        return None
    names = (entry.name for entry in folder.iterdir() if _is_device(entry, device))
    return next(names, None)


def _is_device(entry: Path, device: int) -> bool:
    try:
        return entry.stat().st_rdev == device
    except OSError:
        return False
