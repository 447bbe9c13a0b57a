"""Runs the downloader: wiring only; none of its ports can delete anything in iCloud."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from services.downloader.engine import cloud_files, engine
from services.downloader.handler import DownloadHandler
from services.downloader.known import KnownAssets
from services.downloader.library import Library
from services.downloader.limiter import Limiter
from services.downloader.look import Look
from services.downloader.paced import PacedZones
from services.downloader.settings import DownloaderSettings
from services.downloader.signing_in.ending import SessionAge, SessionEnds
from services.downloader.signing_in.serving import open_door
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_zones import ICloudZones
from shared.adapters.prometheus_icloud import ICloudMetrics
from shared.domain.pipeline import DOWNLOADER
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section

_THREADS: Final = 24
"""They wait for the disk most of the time: with the few of a small machine, flushing files would hold up arriving bytes."""


async def main() -> None:
    """Read the settings, open iCloud and the bus, look and download until SIGTERM."""
    common = load_common()
    icloud = load_section("icloud", ICloudSettings)
    own = load_section("downloader", DownloaderSettings)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    async with (
        open_session(icloud) as session,
        open_door(icloud, own.login_port),
        open_service(DOWNLOADER, common) as service,
    ):
        attention, clock = service.attention, service.clock
        observe = ICloudMetrics(service.metrics.registry)
        requests = Limiter("requests", own.concurrency, attention, observe)
        downloads = Limiter("downloads", own.concurrency, attention, observe)
        zones = PacedZones(ICloudZones(session, observe), requests)
        known = KnownAssets(zones, clock, own, hungry=lambda: downloads.hungry)
        look = Look(
            zones=zones,
            known=known,
            state=service,
            attention=attention,
            clock=clock,
            observe=observe,
        )
        library = Library(common.library.root, free_space_floor=common.library.free_space_floor)
        service.metrics.registry.register(SessionAge(icloud, clock))
        async with (
            cloud_files(own, session, known, downloads, (attention, observe)) as cloud,
            engine(own, session, common.library, cloud) as receive,
        ):
            download = DownloadHandler(library=library, known=known, receive=receive, clock=clock)
            await service.run(
                {"download": download},
                loops=[
                    service.every(common.rhythm.downloader, look, "look"),
                    service.every("1m", SessionEnds(icloud, attention, clock), "session"),
                ],
                slots={"download": own.slots},
            )


if __name__ == "__main__":
    start(main)
