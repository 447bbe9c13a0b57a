"""Replaces a small file whole with one that only its owner can read; it never leaves half a file, nor an open one."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

UNFINISHED: Final = ".new"
"""The suffix of what a crash can leave."""


def write_private(path: Path, text: str) -> None:
    """Write `text` at `path`, mode 0600, durably; OSError leaves the old file."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
