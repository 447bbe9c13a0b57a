"""The partial file of one download, and the digests of what it holds; it never touches a finished file."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, BinaryIO

from shared.adapters.local_files import sorted_errors
from shared.domain.errors import Transient
from shared.domain.icloud_checksum import StreamDigest
from shared.ports.files import WrongLength

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


def digest_of(path: Path) -> StreamDigest:
    """Read a file through; blocks. Raises SourceMissing, DiskTrouble."""
    digest = StreamDigest()
    with sorted_errors(path), path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest


class Partial:
    """A file that grows to `size` bytes; every method blocks."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.digest = StreamDigest()
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Take up what an earlier try left, hashing it; what is longer than the file can be is dropped."""
        with sorted_errors(self.path):
            descriptor = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
            )
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            self._claim(descriptor)
            if os.fstat(descriptor).st_size > self.size:
                self.restart()
            while chunk := self._file.read(_CHUNK):
                self.digest.update(chunk)

    def _claim(self, descriptor: int) -> None:
        """Keep two deliveries of one task from writing into one file."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Transient("it is being downloaded already") from None

    def restart(self) -> None:
        """Begin with no bytes."""
        with sorted_errors(self.path):
            self._open().seek(0)
            self._open().truncate()
            self.digest = StreamDigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes; raises WrongLength when they are more than the file can have, DiskFull, DiskTrouble."""
        if self.digest.size + len(chunk) > self.size:
            self.restart()
            raise WrongLength(f"iCloud sent more than the {self.size} bytes it stated")
        with sorted_errors(self.path):
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._open().write(rest) :]
        self.digest.update(chunk)

    def finished(self, checksum: str) -> StreamDigest:
        """Return the digests of the whole file; a short one is kept for resuming, one with other bytes is dropped.

        Raises WrongLength and Transient.
        """
        if self.digest.size != self.size:
            raise WrongLength(f"iCloud sent {self.digest.size} of {self.size} bytes")
        if self.digest.apple != checksum:
            self.restart()
            raise Transient("the bytes do not match Apple's checksum; they will be fetched again")
        return self.digest

    def close(self) -> None:
        """Close the file; it stays on the disk."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            raise Transient(f"{self.path} is not open")
        return self._file
