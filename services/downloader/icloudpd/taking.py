"""Takes a proven file out of icloudpd's folder: by a link where it can, by a copy else; the hollow file it leaves takes no room."""

from __future__ import annotations

import errno
import os
import secrets
from typing import TYPE_CHECKING, Final

from services.downloader.icloudpd.found import HOLLOW
from shared.adapters.file_syscalls import UNSUPPORTED
from shared.adapters.local_files import sorted_errors
from shared.domain.errors import Transient
from shared.domain.icloud_checksum import StreamDigest

if TYPE_CHECKING:
    from pathlib import Path

    from services.downloader.icloudpd.found import Found
    from shared.domain.work_items import DownloadWork

_SMALL: Final = 4096
"""Bytes below which a hollow file saves nothing: such files are copied and stay."""
_CHUNK: Final = 1 << 20


def take_proven(found: Found, digest: StreamDigest, work: DownloadWork, part: Path) -> StreamDigest:
    """Make `part` the file whose bytes were found to be the work's, and return its digests; blocks.

    Raises Transient, DiskFull, DiskTrouble.
    """
    if found.size < _SMALL:
        return _copy(found.path, work, part)
    if not _link(found, part):
        digest = _copy(found.path, work, part)
    _hollow_out(found)
    return digest


def _link(found: Found, part: Path) -> bool:
    """Give the very file that was read the name `part`; False where no link can be made, or it is another file by now."""
    temp = _beside(part)
    with sorted_errors(part):
        temp.unlink(missing_ok=True)
        try:
            os.link(found.path, temp, follow_symlinks=False)
        except OSError as error:
            if error.errno not in UNSUPPORTED | {errno.EPERM, errno.EXDEV, errno.EMLINK}:
                raise
            return False
        if not found.is_same(temp):
            temp.unlink()
            return False
        temp.replace(part)  # what our own engine had of it is not needed any more
        return True


def _copy(source: Path, work: DownloadWork, part: Path) -> StreamDigest:
    """Copy a file, proving it again on the way; raises Transient, DiskFull, DiskTrouble."""
    temp, digest = _beside(part), StreamDigest()
    with sorted_errors(temp), source.open("rb") as file, temp.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            digest.update(chunk)
    with sorted_errors(temp):
        if (digest.size, digest.apple) != (work.size, work.checksum):
            temp.unlink()
            raise Transient("what icloudpd left was replaced while it was read")
        temp.replace(part)
    return digest


def _beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.new")


def _hollow_out(found: Found) -> None:
    """Put a file of the same length and date, but without contents, into a taken file's place."""
    temp = found.path.with_name(f".{secrets.token_hex(8)}.part")
    with sorted_errors(temp):
        with temp.open("xb") as file:
            file.write(HOLLOW)
            file.truncate(found.size)
        os.utime(temp, (found.mtime, found.mtime))
        temp.replace(found.path)
