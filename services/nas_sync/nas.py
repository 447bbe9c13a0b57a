"""The NAS archive on a mounted folder: lands files, proves them cold, retires originals; can never overwrite a copy, nor remove one without a permit."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

from services.nas_sync.ports import (
    ORIGINALS,
    Archive,
    Copy,
    CopyDiffers,
    CopyMissing,
    Evidence,
    NasMissing,
    RenditionUnusable,
    Room,
)
from shared.adapters.cold_read import cold_sha256, hash_at
from shared.adapters.exchanging import alone_in, exchange, is_same, retire, supersede
from shared.adapters.local_files import resolve_beneath, sorted_errors, sync_dir
from shared.adapters.mounts import mount_of
from shared.adapters.publishing import publish
from shared.adapters.sweeping import Swept, sweep_tree
from shared.domain.errors import Fatal, Permanent
from shared.ports.files import DiskTrouble, Occupied, SourceMissing, WrongHash, WrongLength

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.ports.files import ColdRead

ArchiveId = NewType("ArchiveId", str)
MARKER = ".photoduct-archive"
_MARKER_LIMIT = 4096


class AlreadyAnArchive(Fatal):
    """The folder has a marker: making another would void all evidence of its copies."""


def init_archive(root: Path) -> ArchiveId:
    """Make `root` an archive, once; only `photoduct init` calls this. Raises AlreadyAnArchive, NasMissing."""
    if not root.is_dir():
        raise NasMissing(f"The folder {root} for the NAS archive does not exist.")
    if os.path.lexists(root / MARKER):
        raise AlreadyAnArchive(f"{root} is an archive already: it has a marker {MARKER}.")
    made = ArchiveId(str(uuid.uuid4()))
    text = json.dumps({"photoduct_archive": 1, "id": made}) + "\n"
    try:
        publish([text.encode()], root / MARKER)
    except Occupied as error:
        raise AlreadyAnArchive(f"{root} has just become an archive.") from error
    return made


def read_marker(root: Path) -> Archive:
    """Say which archive is mounted at `root`; raises NasMissing when there is none."""
    try:
        fd = os.open(root / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NasMissing(
            f"The NAS archive is not mounted: no marker {MARKER} in {root} ({error.strerror})."
        ) from error
    try:
        with sorted_errors(root / MARKER):
            mount = mount_of(fd)
            found = _parse(os.read(fd, _MARKER_LIMIT), root)
    finally:
        os.close(fd)
    return Archive(found, mount.fs_identity, mount.mount_id, mount.grade)


def _parse(text: bytes, root: Path) -> ArchiveId:
    try:
        marker = json.loads(text)
        if marker["photoduct_archive"] == 1:
            return ArchiveId(str(uuid.UUID(marker["id"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise NasMissing(f"The marker {MARKER} in {root} is damaged or of a newer photoduct.")


class Nas:
    """The archive at `root`; every method blocks and looks at the marker before and after."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def store(self, relative: str, source: Path, size: int, sha256: str) -> Evidence:
        """Publish `source` at `relative` and prove it; done already when it is there. Raises as `publish`, NasMissing, UnsafePath."""
        with self._mounted() as archive:
            publish(
                source,
                resolve_beneath(self._root, relative),
                size=size,
                sha256=sha256,
                mtime=_mtime(source),
            )
            return self._prove(archive, relative, sha256, size)

    def verify(self, relative: str, sha256: str, size: int) -> Evidence:
        """Read a copy back cold; raises CopyMissing, CopyDiffers, NasMissing."""
        with self._mounted() as archive:
            return self._prove(archive, relative, sha256, size)

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
        """Put a rendition at `shown` and the original at `.originals/relative`; return the proofs of original and rendition.

        `shown` is `relative`, or beside it. `former_sha256` is the rendition that may lie there already, the original behind it.
        Call it again after any failure. Raises as `publish` and `exchange`, RenditionUnusable, CopyMissing, CopyDiffers, NasMissing.
        """
        retreat = f"{ORIGINALS}/{relative}"
        ready = _Ready(rendition, rendition_size, rendition_sha256)
        original = resolve_beneath(self._root, relative)
        with self._mounted() as archive, alone_in(original.parent):
            if former_sha256 is not None:
                self._renew(archive, relative, shown, ready, original_sha256, former_sha256)
            elif shown == relative:
                self._exchange(archive, relative, ready, original_sha256)
            else:
                self._put_beside(archive, relative, shown, ready, original_sha256)
            return (
                self._prove(archive, retreat, original_sha256, None),
                self._prove(archive, shown, rendition_sha256, rendition_size),
            )

    def renew_alone(
        self, shown: str, rendition: Path, *, wanted: Copy, former_sha256: str
    ) -> Evidence:
        """Put a rendition in a former one's place, behind which no original lies any more; return its proof.

        The former one goes only when the new one was read back cold. Call it again after any failure. Raises as `supersede`,
        RenditionUnusable, CopyMissing, CopyDiffers, NasMissing.
        """
        place = resolve_beneath(self._root, shown)
        staged = place.with_name(_staged_name(shown, wanted.sha256))
        with self._mounted() as archive, alone_in(place.parent):
            if self._read(archive, shown).sha256 != wanted.sha256:
                _Ready(rendition, wanted.size, wanted.sha256).publish(staged, place)
            supersede(place, staged, former_sha256, wanted.sha256)
            return self._prove(archive, shown, wanted.sha256, wanted.size)

    def _renew(
        self,
        archive: Archive,
        relative: str,
        shown: str,
        ready: _Ready,
        original_sha256: str,
        former_sha256: str,
    ) -> None:
        if shown != relative:
            raise Permanent(f"The new rendition of {relative} has another form; the present stays.")
        place = resolve_beneath(self._root, relative)
        if not os.path.lexists(place):
            raise Permanent(
                f"The rendition {relative} is gone from the archive; none is put there again."
            )
        staged = place.with_name(_staged_name(relative, ready.sha256))
        held = self._read(archive, relative).sha256
        if former_sha256 not in {held, hash_at(staged)}:  # the original itself lies there
            self._exchange(archive, relative, ready, original_sha256)
            return
        if held != ready.sha256:
            ready.publish(staged, place)
        self._prove(archive, f"{ORIGINALS}/{relative}", original_sha256, None)
        supersede(place, staged, former_sha256, ready.sha256)

    def _exchange(
        self, archive: Archive, relative: str, ready: _Ready, original_sha256: str
    ) -> None:
        original = resolve_beneath(self._root, relative)
        staged = original.with_name(_staged_name(relative, ready.sha256))
        if self._read(archive, relative).sha256 != ready.sha256:
            ready.publish(staged, original)
        exchange(
            original,
            staged,
            resolve_beneath(self._root, f"{ORIGINALS}/{relative}"),
            original_sha256=original_sha256,
            rendition_sha256=ready.sha256,
        )

    def _put_beside(
        self, archive: Archive, relative: str, shown: str, ready: _Ready, original_sha256: str
    ) -> None:
        """Let the original leave only when the rendition was read back from the disk."""
        retreat = f"{ORIGINALS}/{relative}"
        at = retreat if self._holds(archive, retreat, original_sha256) else relative
        self._prove(archive, at, original_sha256, None)
        if not self._holds(archive, shown, ready.sha256):
            ready.publish(resolve_beneath(self._root, shown), resolve_beneath(self._root, at))
        self._prove(archive, shown, ready.sha256, ready.size)
        original, retired = (resolve_beneath(self._root, one) for one in (relative, retreat))
        retire(original, retired, original_sha256=original_sha256)

    def release(
        self,
        relative: str,
        *,
        shown: str,
        original: Copy,
        rendition: Copy,
        permit: Callable[[], None],
    ) -> Archive:
        """Remove the original behind the rendition at `shown`; done already when it is gone.

        Both are read back cold; `permit` is called after that, right before the removal, and raises when it must not be.
        Raises CopyDiffers for other bytes in the original's place, Permanent for a rendition that is not whole, NasMissing.
        """
        retreat = f"{ORIGINALS}/{relative}"
        place, retired = (resolve_beneath(self._root, path) for path in (relative, retreat))
        with self._mounted() as archive, alone_in(place.parent):
            seen = _seen(retired)
            if seen is not None:
                self._prove(archive, retreat, original.sha256, original.size)
            try:
                self._prove(archive, shown, rendition.sha256, rendition.size)
            except (CopyMissing, CopyDiffers) as error:
                raise Permanent(f"{error} Its original stays.") from error
            if seen is not None:
                permit()
                _remove(retired, seen)
            return archive

    def sweep(self) -> Swept:
        """Remove temp files that killed publishes left for more than a day; raises NasMissing."""
        with self._mounted():
            return sweep_tree(self._root, own=frozenset({ORIGINALS}))

    def room(self) -> Room:
        """Return how much room it has; raises NasMissing."""
        with self._mounted(), sorted_errors(self._root / MARKER):
            found = os.statvfs(self._root)
            return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    @contextmanager
    def _mounted(self) -> Iterator[Archive]:
        """Let nothing count, success or failure, that happened while the archive was unplugged or swapped."""
        before = read_marker(self._root)
        try:
            yield before
        finally:
            if read_marker(self._root) != before:
                raise NasMissing(f"The NAS archive at {self._root} was mounted anew meanwhile.")

    def _prove(self, archive: Archive, relative: str, sha256: str, size: int | None) -> Evidence:
        found = self._read(archive, relative)
        if found.sha256 != sha256 or found.size != (found.size if size is None else size):
            raise CopyDiffers(
                f"The copy {relative} has SHA-256 {found.sha256} and {found.size} bytes instead of {sha256}.",
                archive,
            )
        return Evidence(
            relative, found.sha256, found.size, found.grade, archive.id, archive.fs_uuid
        )

    def _holds(self, archive: Archive, relative: str, sha256: str) -> bool:
        with suppress(CopyMissing):
            return self._read(archive, relative).sha256 == sha256
        return False

    def _read(self, archive: Archive, relative: str) -> ColdRead:
        try:
            return cold_sha256(resolve_beneath(self._root, relative))
        except SourceMissing as error:  # of an unplugged archive `_mounted` says NasMissing instead
            raise CopyMissing(f"The archive has no copy at {relative}.", archive) from error


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rendition on the local disk, and what its bytes have to be."""

    path: Path
    size: int
    sha256: str

    def publish(self, target: Path, original: Path) -> None:
        """Let it land at `target`, as old as its original."""
        mtime = _mtime(original)
        with _usable():
            publish(self.path, target, size=self.size, sha256=self.sha256, mtime=mtime)


@contextmanager
def _usable() -> Iterator[None]:
    """Tell trouble with the rendition's own bytes from trouble with the original's."""
    try:
        yield
    except (SourceMissing, WrongHash, WrongLength) as error:
        raise RenditionUnusable(f"The rendition cannot be archived: {error}") from error


def _mtime(source: Path) -> float | None:
    with sorted_errors(source):
        return source.stat().st_mtime


def _seen(path: Path) -> os.stat_result | None:
    with sorted_errors(path):
        try:
            return path.lstat()
        except FileNotFoundError:
            return None  # gone; any other error proves nothing


def _remove(path: Path, seen: os.stat_result) -> None:
    with sorted_errors(path):
        if not is_same(path.lstat(), seen):
            raise DiskTrouble(f"{path} was touched since it was read; it was left.")
        path.unlink()
        sync_dir(path.parent)


def _staged_name(relative: str, rendition_sha256: str) -> str:
    """Return a name for this file and rendition alone: two equal photos in one folder have equal renditions, too."""
    own = hashlib.sha256(f"{relative}\0{rendition_sha256}".encode()).hexdigest()
    return f".photoduct-{own[:32]}.exchange"
