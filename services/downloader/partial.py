"""The partial file of one download, and the digests of what it holds; it never touches a finished file."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING, BinaryIO

from shared.adapters.local_files import sorted_errors
from shared.domain.errors import Transient
from shared.domain.icloud_checksum import StreamDigest
from shared.ports.files import WrongLength

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


class InUse(Transient):
    """Another delivery of the same task writes into the file."""


def digest_of(path: Path) -> StreamDigest:
    """Read a file through; blocks. Raises SourceMissing, DiskTrouble."""
    digest = StreamDigest()
    with sorted_errors(path), path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest


class Partial:
    """A file that grows to `size` bytes; every method blocks, and waits for one that is under way in another thread."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.digest = StreamDigest()
        self._file: BinaryIO | None = None
        self._closed = False
        self._turn = threading.RLock()

    def open(self) -> None:
        """Take up what an earlier try left, hashing it; what is longer than the file can be is dropped."""
        with self._turn, sorted_errors(self.path):
            descriptor = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
            )
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            self._claim(descriptor)
            if os.fstat(descriptor).st_size > self.size:
                self.restart()
            while chunk := self._file.read(_CHUNK):
                self.digest.update(chunk)

    def _begin(self) -> None:
        self.open()
        if self.digest.size:
            raise InUse("it was downloaded in part just now")

    def _claim(self, descriptor: int) -> None:
        """Keep two deliveries of one task from writing into one file."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse("it is being downloaded already") from None

    def restart(self) -> None:
        """Begin with no bytes."""
        with self._turn, sorted_errors(self.path):
            self._open().seek(0)
            self._open().truncate()
            self.digest = StreamDigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes, opening the file for the first; raises WrongLength when they are more than it can have, DiskFull, DiskTrouble."""
        with self._turn:
            if self._file is None:
                self._begin()
            if self.digest.size + len(chunk) > self.size:
                raise WrongLength(f"iCloud sent more than the {self.size} bytes it stated")
            with sorted_errors(self.path):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self._open().write(rest) :]
            self.digest.update(chunk)

    def close(self) -> None:
        """Close the file for good; it stays on the disk."""
        with self._turn:
            self._closed = True
            if self._file is not None:
                self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None or self._closed:
            raise Transient(f"{self.path} is not open")
        return self._file
