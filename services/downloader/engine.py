"""Puts the chosen engine together for the time that the downloader runs; wiring only."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.downloader.fetching import CloudFiles
from shared.adapters.icloud_download import open_download
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.downloader.known import KnownAssets
    from services.downloader.limiter import Limiter
    from services.downloader.ports import AttentionBook, Receive
    from services.downloader.settings import DownloaderSettings
    from shared.adapters.icloud_session import ICloudSession
    from shared.ports.watching import Observe
    from shared.runtime.settings import LibrarySettings


@asynccontextmanager
async def engine(
    own: DownloaderSettings, session: ICloudSession, library: LibrarySettings, cloud: CloudFiles
) -> AsyncIterator[Receive]:
    """Yield what fetches files: photoduct itself, or icloudpd with photoduct for what icloudpd does not bring."""
    if own.engine == "pyicloud":
        yield cloud
        return
    from services.downloader.icloudpd.opening import Place, icloudpd_files  # a tenth of a second

    place = Place(library.root / Area.INCOMING, library.free_space_floor)
    async with icloudpd_files(own.icloudpd, session.settings, session, cloud, place) as files:
        yield files


@asynccontextmanager
async def cloud_files(
    own: DownloaderSettings,
    session: ICloudSession,
    known: KnownAssets,
    limiter: Limiter,
    seen: tuple[AttentionBook, Observe],
) -> AsyncIterator[CloudFiles]:
    """Yield the own engine, with a connection for each download that may be on its way."""
    attention, observe = seen
    async with open_download(
        session, connections=own.concurrency, stall=own.stall_seconds, observe=observe
    ) as fetch:
        yield CloudFiles(
            known=known,
            fetch=fetch,
            limiter=limiter,
            attention=attention,
            settings=own,
            observe=observe,
        )
