"""Names what the compressor writes, and removes what its killed workers left unfinished; a finished rendition is none of that."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from shared.adapters.local_files import sorted_errors
from shared.adapters.publishing import TEMPORARY
from shared.adapters.sweeping import Swept, sweep_tree
from shared.domain.ids import Area
from shared.domain.naming import RENDITION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.domain.work_items import FileWork

_UNFINISHED: Final = re.compile(rf"\.{RENDITION.pattern}\.partial|{TEMPORARY.pattern}")


def rendition_path(work: FileWork) -> str:
    """Return where the rendition goes below `compress/`: a new name each time, so that one reported before stays."""
    suffix = PurePosixPath(work.file.path).suffix
    return f"{work.key}/{work.attempt}-{secrets.token_hex(4)}{suffix}"


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Make the file in which the rendition for `target` grows, locked; it is gone afterwards, unless it got its name.

    Raises as `sorted_errors`.
    """
    temp = target.with_name(f".{target.name}.partial")
    with sorted_errors(target):
        fd = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with suppress(
            OSError
        ):  # it tells a sweep that somebody is alive; some shares have no locks
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temp
    finally:
        with suppress(FileNotFoundError):
            temp.unlink()
        os.close(fd)


def sweep(library: Path, longest: float) -> Swept:
    """Remove what nobody holds and nobody has written to for twice as long as a job may take (`longest`, seconds).

    Blocks. Raises as `sorted_errors`.
    """
    return sweep_tree(library / Area.COMPRESS, older=2 * longest, names=_UNFINISHED)
