"""Looks at settings, folders and marker, and before `photoduct up` at lock and port; it makes and changes nothing.

python -m services.preflight [--settings]: with it, whether photoduct runs already does not matter.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from services import sections
from services.downloader.icloudpd.opening import check_hosts, check_program
from services.downloader.settings import DownloaderSettings
from services.nas_sync.nas import read_marker
from services.nas_sync.ports import NasMissing
from shared.adapters.icloud_session import trust
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.nats_server import check_port
from shared.domain.errors import Fatal
from shared.runtime.settings import load_common, load_section
from shared.runtime.supervisor import own_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shared.runtime.settings import Common

LOCK = "photoduct.lock"
REFUSED = 3


def check_data(common: Common) -> None:
    """Raise Fatal when photoduct's own folder cannot be used."""
    data = common.data
    if not _may_write(_nearest(data)):
        raise Fatal(f"data: photoduct may not write in {data}; change its owner or set another.")


def check_alone(common: Common) -> None:
    """Raise Fatal when photoduct's own folder is in use."""
    data = common.data
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


def check_icloud(_common: Common) -> None:
    """Raise Fatal when the session could not be kept, the certificates to trust cannot be read, or icloudpd does not fit."""
    icloud = load_section("icloud", ICloudSettings)
    trust(icloud)
    own = load_section("downloader", DownloaderSettings)
    if own.engine == "icloudpd":
        check_hosts(icloud)
        check_program(own.icloudpd.command)
    nearest = _nearest(icloud.session_dir)
    if not _may_write(nearest):
        raise Fatal(
            f"icloud.session_dir: photoduct may not keep a session in {icloud.session_dir}."
        )


def check_bus(common: Common) -> None:
    """Raise Fatal when photoduct's own bus is not to be on this machine; one with passwords of its own is run by others."""
    if common.nats.secrets is None:
        own_port(common.nats.url)


def check_startable(common: Common) -> None:
    """Raise Fatal when photoduct runs already, or else another program has the bus's port."""
    check_alone(common)
    check_port(own_port(common.nats.url))


CHECKS: tuple[Callable[[Common], None], ...] = (
    check_data,
    check_library,
    check_nas,
    check_icloud,
    check_bus,
)
BEFORE_A_START: tuple[Callable[[Common], None], ...] = (check_startable,)


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the nearest one above that exists."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _may_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


def refusals(checks: Sequence[Callable[[Common], None]], common: Common) -> list[str]:
    """Return the sentence of each check that fails."""
    found = []
    for check in checks:
        try:
            check(common)
        except Fatal as error:
            found.append(str(error))
    return found


def main() -> int:
    """Print every refusal; 0 without any, 2 for wrong settings, 3 for the rest."""
    if wrong := sections.main():
        return wrong
    common = load_common()
    found = refusals(CHECKS, common)
    if not found and "--settings" not in sys.argv[1:]:
        found = refusals(BEFORE_A_START, common)
    sys.stderr.writelines(f"{line}\n" for line in found)
    return REFUSED if found else 0


if __name__ == "__main__":
    sys.exit(main())
