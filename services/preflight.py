"""Looks at settings, folders, secrets and port before `photoduct up` starts anything; it makes and changes nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from services import sections
from services.nas_sync.nas import read_marker
from services.nas_sync.ports import NasMissing
from services.pixel_sync.settings import PixelSyncSettings
from shared.adapters.nats_server import check_port
from shared.domain.errors import Fatal
from shared.runtime.settings import SettingsError, load_common, load_section
from shared.runtime.supervisor import own_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.runtime.settings import Common

LOCK = "photoduct.lock"
WRONG_SETTINGS, REFUSED = 2, 3


def check_data(common: Common) -> None:
    """Raise Fatal when photoduct's own folder cannot be used, or is in use."""
    data = common.data
    if not _may_write(_nearest(data)):
        raise Fatal(f"data: photoduct may not write in {data}; change its owner or set another.")
    if (data / LOCK).exists():
        lock = FileLock(data / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise Fatal(f"photoduct runs already on {data}; stop it first.") from error
        lock.release()


def check_library(common: Common) -> None:
    """Raise Fatal when the library's folder is not there: an unmounted disk must not be filled beside."""
    root = common.library.root
    if not root.is_dir():
        raise Fatal(f"library.root: {root} does not exist; mount its disk, or make the folder.")
    if not _may_write(root):
        raise Fatal(f"library.root: photoduct may not write in {root}.")


def check_nas(common: Common) -> None:
    """Raise Fatal when the archive is missing; while photoduct runs, a vanished one is waited for."""
    root = common.nas.root
    if not root.is_dir():
        raise Fatal(f"nas.root: {root} does not exist; mount the NAS, then run `photoduct init`.")
    try:
        read_marker(root)
    except NasMissing as error:
        raise Fatal(
            f"{error} Mount it; if it is new, run `photoduct init` once to make it one."
        ) from error


def check_secrets(_common: Common) -> None:
    """Raise SettingsError when a file that holds a secret cannot be read."""
    settings = load_section("pixel_sync", PixelSyncSettings)
    if settings.api_key or settings.api_key_file:
        settings.address()


def check_bus(common: Common) -> None:
    """Raise Fatal when the bus is not to be on this machine, or its port is taken."""
    check_port(own_port(common.nats.url))


CHECKS: tuple[Callable[[Common], None], ...] = (
    check_secrets,
    check_data,
    check_library,
    check_nas,
    check_bus,
)


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the nearest one above that exists."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _may_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


def main() -> int:
    """Print the first refusal, or every wrong setting; 0 without any, 2 for settings, 3 for the rest."""
    if wrong := sections.main():
        return wrong
    common = load_common()
    try:
        for check in CHECKS:
            check(common)
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return WRONG_SETTINGS
    except Fatal as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
