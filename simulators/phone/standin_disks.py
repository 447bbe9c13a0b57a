"""The played pair's hands: scans both folders and carries bytes to the phone; it never writes the server's folder."""

from __future__ import annotations

import hashlib
import os
import time
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from simulators.phone.google_photos import whole_files
from simulators.phone.standin_index import Entry, Index, Side, following

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT_ID = 7
_CHUNK = 1 << 20


class MarkerMissingError(Exception):
    """The folder marker is gone: perhaps a disk that is not mounted."""


class Disks:
    """Both folders and the index between them; called from one thread at a time."""

    def __init__(self, index: Index, server: tuple[Path, str], phone: tuple[Path, str]) -> None:
        self._index = index
        self._server, self._server_id = server[0], server[1][:SHORT_ID]
        self._phone, self._phone_id = phone[0], phone[1][:SHORT_ID]

    def scan_server(self, sub: str = "") -> list[str]:
        """Index what changed under one path; answer the paths that did."""
        if not (self._server / ".stfolder").is_dir():
            message = "folder marker missing (this indicates potential data loss)"
            raise MarkerMissingError(message)
        found = dict(self._found(sub))
        changed = [path for path, file in found.items() if self._index_file(path, file)]
        lost = [path for path in self._indexed_under(sub) if path not in found]
        for path in lost:
            self._delete(Side.SERVER, path, self._server_id, self._index.get(Side.TOLD, path))
        return changed + lost

    def _found(self, sub: str) -> Iterator[tuple[str, Path]]:
        """Yield what Syncthing would index: it skips names that are not NFC."""
        start = self._server / sub
        candidates = [(sub, start)] if start.is_file() else whole_files(self._server, start)
        for path, file in candidates:
            if unicodedata.is_normalized("NFC", path):
                yield path, file

    def _indexed_under(self, sub: str) -> list[str]:
        """Answer living paths; one file alone is looked up, so that a scan costs what changed."""
        only = self._index.get(Side.SERVER, sub)
        if only is not None:
            return [] if only.deleted else [sub]
        under = f"{sub}/" if sub else ""
        living = (path for path, entry in self._index.items(Side.SERVER) if not entry.deleted)
        return [path for path in living if path.startswith(under)]

    def _index_file(self, path: str, file: Path) -> bool:
        stat = file.stat()
        known = self._index.get(Side.SERVER, path)
        if known and _describes(known, stat):
            return False
        version = following(self._server_id, known)
        entry = Entry(stat.st_size, stat.st_mtime_ns, sha256_of(file), self._server_id, version)
        self._index.put(Side.SERVER, path, entry)
        return True

    def scan_phone(self) -> None:
        """Notice what the phone's apps deleted or changed."""
        for path, _ in self._index.items(Side.PHONE):
            self.notice(path)

    def notice(self, path: str) -> None:
        """Notice what the phone's apps did to one file."""
        entry = self._index.get(Side.PHONE, path)
        if entry is None or entry.deleted:
            return
        file = self._phone / path
        try:
            stat = file.stat()
        except FileNotFoundError:
            self._delete(Side.PHONE, path, self._phone_id, None)
            return
        if _describes(entry, stat):
            return
        version = following(self._phone_id, entry)
        digest = sha256_of(file)
        edited = Entry(stat.st_size, stat.st_mtime_ns, digest, self._phone_id, version)
        self._index.put(Side.PHONE, path, edited)

    def _delete(self, side: Side, path: str, by: str, other: Entry | None) -> None:
        known = self._index.get(side, path)
        if known is None:
            return
        gone = replace(
            known,
            size=0,
            mtime_ns=time.time_ns(),
            by=by,
            version=following(by, known, other),
            deleted=True,
        )
        self._index.put(side, path, gone)

    def bring(self, path: str) -> None:
        """Bring the server's version of a path to the phone, unless the phone has newer or the same."""
        # what the apps did comes first, so that a pull cannot undo it
        self.notice(path)
        entry = self._index.get(Side.SERVER, path)
        if entry is None or not self._index.phone_needs(path):
            return
        if entry.deleted:
            (self._phone / path).unlink(missing_ok=True)
        elif not self._copy(path, entry):
            return
        self._index.put(Side.PHONE, path, entry)

    def _copy(self, path: str, entry: Entry) -> bool:
        source, target = self._server / path, self._phone / path
        part = target.with_name(f".syncthing.{target.name}.tmp")
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with source.open("rb") as reads, part.open("wb") as writes:
                while chunk := reads.read(_CHUNK):
                    digest.update(chunk)
                    writes.write(chunk)
        except FileNotFoundError:
            return False
        if digest.hexdigest() != entry.sha256:
            part.unlink()
            return False
        os.utime(part, ns=(entry.mtime_ns, entry.mtime_ns))
        part.replace(target)
        return True


def _describes(entry: Entry, stat: os.stat_result) -> bool:
    is_same = (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    return is_same and not entry.deleted


def sha256_of(file: Path) -> str:
    """Answer the hash of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
