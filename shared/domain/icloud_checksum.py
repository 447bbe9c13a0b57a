"""Apple's checksum of a file, and SHA-256 beside it, over a stream; it holds no bytes.

Apple states base64(0x01 || SHA1(salt || bytes)). Matched on whole files in recorded traffic of Apple's servers.
"""

from __future__ import annotations

import base64
import hashlib

_SALT = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"


class StreamDigest:
    """Both digests and the length of what was fed so far."""

    def __init__(self) -> None:
        self._apple = hashlib.sha1(_SALT, usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._apple.update(chunk)
        self._sha256.update(chunk)
        self.size += len(chunk)

    @property
    def apple(self) -> str:
        """Return the checksum as iCloud states it."""
        return base64.b64encode(b"\x01" + self._apple.digest()).decode()

    @property
    def sha256(self) -> str:
        """Return 64 hexadecimal digits."""
        return self._sha256.hexdigest()
