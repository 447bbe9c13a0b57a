"""Puts together what reads and fetches from iCloud, with the chosen engine, for the time that the downloader runs; wiring only."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.downloader.fetching import CloudFiles
from services.downloader.known import KnownAssets
from services.downloader.limiter import Limiter
from services.downloader.paced import PacedZones
from shared.adapters.icloud_download import open_download
from shared.adapters.icloud_zones import ICloudZones
from shared.domain.ids import Area

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.downloader.ports import AttentionBook, Clock, Receive
    from services.downloader.settings import DownloaderSettings
    from shared.adapters.icloud_session import ICloudSession
    from shared.ports.watching import Observe
    from shared.runtime.settings import LibrarySettings


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears what happens at iCloud."""

    attention: AttentionBook
    observe: Observe
    clock: Clock


@dataclass(frozen=True, slots=True)
class Cloud:
    """iCloud as the downloader uses it: zones to look at, what is known of their assets, and what fetches files."""

    zones: PacedZones
    known: KnownAssets
    receive: Receive


@asynccontextmanager
async def open_cloud(
    own: DownloaderSettings, session: ICloudSession, library: LibrarySettings, told: Told
) -> AsyncIterator[Cloud]:
    """Yield it; requests and downloads have a pace each, for other hosts of Apple's answer them."""
    requests = Limiter("requests", own.concurrency, told.attention, told.observe)
    downloads = Limiter("downloads", own.concurrency, told.attention, told.observe)
    zones = PacedZones(ICloudZones(session, told.observe), requests)
    known = KnownAssets(zones, told.clock, own, hungry=lambda: downloads.hungry)
    async with (
        open_download(
            session, connections=own.concurrency, stall=own.stall_seconds, observe=told.observe
        ) as fetch,
        _engine(
            own,
            session,
            library,
            CloudFiles(
                known=known,
                fetch=fetch,
                limiter=downloads,
                attention=told.attention,
                settings=own,
                observe=told.observe,
            ),
        ) as receive,
    ):
        yield Cloud(zones, known, receive)


@asynccontextmanager
async def _engine(
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
