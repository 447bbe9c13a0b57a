"""Puts the second engine together for the time that the downloader runs; wiring only, it starts nothing yet."""

from __future__ import annotations

import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from services.downloader.icloudpd.arguments import command_line
from services.downloader.icloudpd.files import IcloudpdFiles
from services.downloader.icloudpd.folder import IcloudpdFolder
from services.downloader.icloudpd.handover import handover
from services.downloader.icloudpd.one_run import IcloudpdRun, Limits, environment
from services.downloader.icloudpd.runs import Runs
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.downloader.icloudpd.settings import IcloudpdSettings
    from services.downloader.ports import Receive
    from shared.adapters.icloud_settings import ICloudSettings
    from shared.adapters.icloud_signin_resuming import SignedIn


class Session(Protocol):
    """The stored iCloud session, as `ICloudSession` keeps it."""

    async def signed(self) -> SignedIn:
        """Return it; raises Waiting while a person has to sign in."""
        ...

    async def renew(self, stale: SignedIn | None) -> SignedIn:
        """Return one other than `stale`."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """The disk: where the engine's folder lies by default, and how many bytes stay free on it."""

    incoming: Path
    free_space_floor: int


def check_hosts(icloud: ICloudSettings) -> None:
    """Raise Fatal for hosts that icloudpd cannot be told of."""
    if icloud.server:
        raise Fatal(
            "downloader.engine: icloudpd can only ask Apple's own hosts: leave icloud.server empty,"
            " or choose the engine pyicloud"
        )


@asynccontextmanager
async def icloudpd_files(
    settings: IcloudpdSettings,
    icloud: ICloudSettings,
    session: Session,
    own: Receive,
    place: Place,
) -> AsyncIterator[IcloudpdFiles]:
    """Yield the engine; at the end of the block a run under way ends too. Raises Fatal where it cannot work at all."""
    check_hosts(icloud)
    path = settings.folder or place.incoming / "icloudpd"
    folder = IcloudpdFolder(path, free_space_floor=place.free_space_floor)
    runs = Runs(_run(settings, icloud, session, folder), pause=settings.pause_minutes * 60)
    try:
        yield IcloudpdFiles(runs=runs, folder=folder, own=own, zone=icloud.zone)
    finally:
        await runs.close()


def _run(
    settings: IcloudpdSettings, icloud: ICloudSettings, session: Session, folder: IcloudpdFolder
) -> IcloudpdRun:
    words = command_line(
        icloud.apple_id,
        icloud.zone,
        folder.path,
        settings.arguments,
        china_mainland=icloud.china_mainland,
    )
    return IcloudpdRun(
        command=(program(settings.command), *words),
        environment=environment(icloud.ca_bundle),
        folder=folder,
        secrets=icloud.session_dir,
        hand_over=_Cookies(icloud.apple_id, session),
        limits=Limits(settings.quiet_minutes * 60, settings.longest_hours * 3600),
    )


def program(command: str) -> str:
    """Return where the program lies: beside this Python (where pip puts it), else on the PATH, else the name as it is."""
    beside = Path(sys.executable).parent / command
    if "/" not in command and beside.is_file():
        return str(beside)
    return shutil.which(command) or command


def check_program(command: str) -> None:
    """Raise Fatal when there is no such program: the downloader would wait for it for ever."""
    if shutil.which(program(command)) is None:
        raise Fatal(
            f"downloader.icloudpd.command: there is no program {command!r} beside photoduct's Python or on the PATH;"
            " install icloudpd or name the place of its program"
        )


class _Cookies:
    """Hands the session's cookies over; one that icloudpd was refused with is renewed first."""

    def __init__(self, apple_id: str, session: Session) -> None:
        self._apple_id = apple_id
        self._session = session
        self._given: SignedIn | None = None
        self._refused: SignedIn | None = None

    async def __call__(self) -> Mapping[str, str]:
        """Return texts by file name; raises Waiting while a person has to sign in."""
        stale, self._refused = self._refused, None
        signed = await (self._session.renew(stale) if stale else self._session.signed())
        self._given = signed
        return handover(self._apple_id, signed.cookies)

    def refused(self) -> None:
        """Hear that icloudpd's session was refused."""
        self._refused = self._given
