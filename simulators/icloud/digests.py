"""Reads files once to learn their size and hashes; it opens them read-only and keeps no bytes."""

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SALT = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Digest:
    """A file's size in bytes, its SHA-256 (hex; None when unreadable) and Apple's fileChecksum."""

    size: int
    sha256: str | None
    checksum: str


def checksum_from_sha1(digest: bytes) -> str:
    """Put a salted SHA-1 into the form of CloudKit's fileChecksum."""
    return base64.b64encode(b"\x01" + digest).decode()


def read_digest(path: Path) -> Digest:
    """Hash a file in one streaming pass; an unreadable one gets a made-up, stable checksum."""
    apple = hashlib.sha1(_SALT, usedforsecurity=False)
    plain = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_CHUNK):
                apple.update(block)
                plain.update(block)
                size += len(block)
    except OSError:
        return _unreadable(path)
    return Digest(size, plain.hexdigest(), checksum_from_sha1(apple.digest()))


def _unreadable(path: Path) -> Digest:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    stand_in = hashlib.sha1(str(path).encode(), usedforsecurity=False).digest()
    return Digest(size, None, checksum_from_sha1(stand_in))


class Digests:
    """The cache of digests, keyed by path, size and time of change."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Digest]] = {}

    async def ensure(self, paths: Iterable[Path]) -> None:
        """Hash what is not known yet, outside the event loop and file by file, so that it can stop."""
        for path in dict.fromkeys(paths):
            if not self._is_fresh(path):
                await asyncio.to_thread(self._read, path)

    def of(self, path: Path) -> Digest:
        """Give a file's digest, reading the file when `ensure` has not been called for it."""
        if path not in self._known:
            self._read(path)
        return self._known[path][1]

    def _read(self, path: Path) -> None:
        self._known[path] = (_stamp(path), read_digest(path))

    def _is_fresh(self, path: Path) -> bool:
        known = self._known.get(path)
        return known is not None and known[0] == _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (-1, -1)
    return (stat.st_size, stat.st_mtime_ns)
