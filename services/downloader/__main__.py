"""Runs the downloader: wiring only; none of its ports can delete anything in iCloud."""

from __future__ import annotations

from services.downloader.engine import Told, open_cloud
from services.downloader.figures import figures
from services.downloader.handler import DownloadHandler
from services.downloader.library import Library
from services.downloader.look import Look
from services.downloader.settings import DownloaderSettings
from services.downloader.signing_in.ending import SessionEnds
from services.downloader.signing_in.serving import open_door
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.domain.pipeline import DOWNLOADER
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section
from shared.runtime.sweep import Sweep


async def main() -> None:
    """Read the settings, open iCloud and the bus, look and download until SIGTERM."""
    common = load_common()
    icloud = load_section("icloud", ICloudSettings)
    own = load_section("downloader", DownloaderSettings)
    async with (
        open_session(icloud) as session,
        open_door(icloud, own.login_port),
        open_service(DOWNLOADER, common) as service,
    ):
        observe = figures(service.metrics.registry, icloud, common.library, service.clock)
        told = Told(service.attention, observe, service.clock)
        async with open_cloud(own, session, common.library, told) as cloud:
            look = Look(
                zones=cloud.zones,
                known=cloud.known,
                state=service,
                attention=service.attention,
                clock=service.clock,
                observe=told.observe,
            )
            library = Library(common.library.root, free_space_floor=common.library.free_space_floor)
            download = DownloadHandler(
                library=library, known=cloud.known, receive=cloud.receive, clock=service.clock
            )
            ends = SessionEnds(icloud, service.attention, service.clock)
            await service.run(
                {"download": download},
                loops=[
                    service.every(common.rhythm.downloader, look, "look"),
                    service.every("1m", ends, "session"),
                    service.every("1d", Sweep(library.sweep), "sweep"),
                ],
                slots={"download": own.slots},
            )


if __name__ == "__main__":
    # They wait for the disk most of the time: with the few of a small machine, flushing files would hold up arriving bytes.
    start(main, threads=24)
