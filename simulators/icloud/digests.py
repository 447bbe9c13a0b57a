"""Reads contents once to learn their size and hashes; it opens files read-only and keeps no bytes."""

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from simulators.icloud.contents import Content, Synthetic, pieces

_SALT = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"
_CHUNK = 1 << 20
# Hashing so little again is cheaper than remembering it 200,000 times.
_TINY = 4096


@dataclass(frozen=True)
class Digest:
    """A content's size in bytes, its SHA-256 (hex; None when not known) and Apple's fileChecksum."""

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


def sha256_of(content: Content) -> str:
    """Hash a content plainly, hex; takes a second for every 2 GB. Raises OSError for a bad file."""
    size = content.size if isinstance(content, Synthetic) else content.stat().st_size
    plain = hashlib.sha256()
    for piece in pieces(content, 0, size):
        plain.update(piece)
    return plain.hexdigest()


def _apple_sha1(content: Synthetic) -> bytes:
    apple = hashlib.sha1(_SALT, usedforsecurity=False)
    for piece in pieces(content, 0, content.size):
        apple.update(piece)
    return apple.digest()


class Digests:
    """The cache of digests: files by path, size and time of change; numbers' bytes in 20 bytes each."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Digest]] = {}
        self._made: dict[Synthetic, bytes] = {}
        self._under_way: dict[Content, asyncio.Task[None]] = {}

    async def ensure(self, contents: Iterable[Content]) -> None:
        """Hash what is not known yet, outside the event loop and one by one, so that it can stop."""
        for content in dict.fromkeys(contents):
            if not self._is_fresh(content):
                await self._once(content)

    async def _once(self, content: Content) -> None:
        """Let everyone who asks for a large content at once wait for the same pass over it."""
        task = self._under_way.get(content)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._read, content))
            self._under_way[content] = task
            task.add_done_callback(lambda _: self._under_way.pop(content, None))
        await asyncio.shield(task)

    def of(self, content: Content) -> Digest:
        """Give a content's digest, reading it when `ensure` has not been called for it."""
        if isinstance(content, Synthetic):
            return Digest(content.size, None, checksum_from_sha1(self._sha1(content)))
        if content not in self._known:
            self._read(content)
        return self._known[content][1]

    def _sha1(self, content: Synthetic) -> bytes:
        if content.size <= _TINY:
            return _apple_sha1(content)
        if content not in self._made:
            self._read(content)
        return self._made[content]

    def _read(self, content: Content) -> None:
        if isinstance(content, Synthetic):
            self._made[content] = _apple_sha1(content)
        else:
            self._known[content] = (_stamp(content), read_digest(content))

    def _is_fresh(self, content: Content) -> bool:
        if isinstance(content, Synthetic):
            return content.size <= _TINY or content in self._made
        known = self._known.get(content)
        return known is not None and known[0] == _stamp(content)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (-1, -1)
    return (stat.st_size, stat.st_mtime_ns)
