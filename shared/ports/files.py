"""What photoduct asks of a disk, and the errors it can answer with; nothing here touches a file.

WrongLength, SourceMissing, DiskTrouble   Transient: nothing landed, try again
DiskFull                                  Waiting: the person makes room or plugs it in
WrongHash, Occupied, UnsafePath, Refused  Permanent: a person has to look
CrossDevice, Unsupported                  Fatal: the folders are laid out in a way that cannot work
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, TypeAlias

from shared.domain.errors import Fatal, Permanent, Transient, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shared.domain.ids import ByteCount, Sha256

Grade: TypeAlias = Literal["cold", "weak"]
"""cold: the bytes came from the disk; weak: only the client's cache could be dropped (NFS, SMB, FUSE, ZFS)."""

Source: TypeAlias = "Path | BinaryIO | Iterable[bytes]"
"""Where bytes come from. A reader has to be seekable; a one-shot iterator cannot be written again after an fsync error; the others can."""


class WrongLength(Transient):
    """The source ended early or ran on: a cut connection, mostly."""


class SourceMissing(Transient):
    """The file to take is not there, nor is it at its target."""


class DiskTrouble(Transient):
    """The disk or the share answered with an error (EIO, ESTALE, a failed fsync)."""


class DiskFull(Waiting):
    """No room, over quota or read-only: a person has to do something, then work goes on."""

    def __init__(self, text: str) -> None:
        super().__init__(text, attention="disk_full", retry_after=60.0)


class WrongHash(Permanent):
    """The length is right and the bytes are not."""


class Occupied(Permanent):
    """The target holds other bytes; they were left as they are."""


class UnsafePath(Permanent):
    """A path that leaves its root, or could."""


class Refused(Permanent):
    """The file system cannot hold such a file: its name or its size."""


class CrossDevice(Fatal):
    """Two folders that have to share a file system do not."""


class Unsupported(Fatal):
    """The file system can do none of the ways to place a file without replacing another."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file that is whole, durable and at its place."""

    path: Path
    size: ByteCount
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class ColdRead:
    """What the disk itself holds."""

    sha256: Sha256
    size: ByteCount
    grade: Grade


class Publish(Protocol):
    """The one way in which bytes land under a name."""

    def __call__(
        self,
        source: Source,
        target: Path,
        *,
        size: int | None = None,
        sha256: str | None = None,
        mtime: float | None = None,
    ) -> Published:
        """Make `target` hold exactly the bytes of `source`, durably, or raise and leave it as it was."""
        ...


class ReadCold(Protocol):
    """The one way in which a copy is proven."""

    def __call__(self, path: Path) -> ColdRead:
        """Read `path` back in full, past the page cache."""
        ...
