"""What nas_sync asks of the archive: to hold bytes and to prove it; `release` alone can remove a copy, under a permit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.domain.errors import Permanent, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.domain.ids import ByteCount, Sha256
    from shared.ports.files import Grade


ORIGINALS = ".originals"
"""The archive's folder for originals whose place a rendition has taken; below it, the same path."""


class NasMissing(Waiting):
    """The archive is not mounted, or is another one than a moment ago."""

    def __init__(self, text: str) -> None:
        super().__init__(text, attention="nas_missing", retry_after=60.0)


class RenditionUnusable(Permanent):
    """The rendition to be archived is gone or holds other bytes than it should; the archive is as it was."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One mounted archive; two looks are equal only if nothing was mounted, swapped or unplugged between."""

    id: str
    fs_uuid: str
    """`uuid:...`; where the file system tells none, `fsid:...` or `origin:...`."""
    mount_id: int
    grade: Grade


class CopyMissing(Permanent):
    """The archive is there and the copy is not: earlier evidence of it is void."""

    def __init__(self, text: str, archive: Archive) -> None:
        super().__init__(text)
        self.archive = archive


class CopyDiffers(Permanent):
    """The copy holds other bytes than recorded: deletion freezes until a person looks."""

    def __init__(self, text: str, archive: Archive) -> None:
        super().__init__(text)
        self.archive = archive


@dataclass(frozen=True, slots=True)
class Evidence:
    """A copy that was read back in full from the archive's disk; `path` is relative to the archive, with `/`."""

    path: str
    sha256: Sha256
    size: ByteCount
    grade: Grade
    archive_id: str
    fs_uuid: str


@dataclass(frozen=True, slots=True)
class Room:
    """The archive's file system in bytes: what can still be written, and all of it."""

    free: int
    size: int


@dataclass(frozen=True, slots=True)
class Copy:
    """The bytes that a file of the archive has to hold."""

    sha256: str
    size: int


class NasArchive(Protocol):
    """The archive; every method blocks (run it in a thread) and raises NasMissing when it is not there."""

    def store(self, relative: str, source: Path, size: int, sha256: str) -> Evidence:
        """Publish `source` at `relative` and prove it; raises the errors of `shared.ports.files`."""
        ...

    def verify(self, relative: str, sha256: str, size: int) -> Evidence:
        """Prove a copy anew; raises CopyMissing or CopyDiffers."""
        ...

    def replace_with_rendition(
        self,
        relative: str,
        rendition: Path,
        *,
        shown: str,
        rendition_size: int,
        rendition_sha256: str,
        original_sha256: str,
        former_sha256: str | None = None,
    ) -> tuple[Evidence, Evidence]:
        """Put a rendition at `shown`, its original's place (`relative`) or beside it; return the proofs of original (at its retreat) and rendition.

        `former_sha256`: the rendition whose place it takes. Raises RenditionUnusable, CopyMissing, CopyDiffers and the errors of `shared.ports.files`.
        """
        ...

    def renew_alone(
        self, shown: str, rendition: Path, *, wanted: Copy, former_sha256: str
    ) -> Evidence:
        """Put a rendition in a former one's place, where the original is gone; return its proof. Raises as above."""
        ...

    def release(
        self,
        relative: str,
        *,
        shown: str,
        original: Copy,
        rendition: Copy,
        permit: Callable[[], None],
    ) -> Archive:
        """Remove the original behind a rendition, both proven; raises CopyDiffers, Permanent, and what `permit` raises."""
        ...

    def room(self) -> Room:
        """Return how much room it has."""
        ...
