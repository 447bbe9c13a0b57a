"""Runs the downloader: wiring only; none of its ports can delete anything in iCloud."""

from __future__ import annotations

from services.downloader.handler import DownloadHandler
from services.downloader.joining import Joiner
from services.downloader.known import KnownAssets
from services.downloader.library import Library
from services.downloader.look import Look
from services.downloader.settings import DownloaderSettings
from services.downloader.signing_in.ending import SessionAge, SessionEnds
from services.downloader.signing_in.serving import open_door
from shared.adapters.icloud_download import ICloudDownload
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_transport import CloudKit
from shared.domain.pipeline import DOWNLOADER
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section


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
        records = ICloudRecords(CloudKit(session))
        known = KnownAssets(records, service.clock, own)
        look = Look(
            joiner=Joiner(records, known, icloud.zone),
            records=records,
            state=service,
            attention=service.attention,
            clock=service.clock,
            zone=icloud.zone,
        )
        download = DownloadHandler(
            library=Library(common.library.root, free_space_floor=common.library.free_space_floor),
            known=known,
            fetch=ICloudDownload(session),
            clock=service.clock,
        )
        service.metrics.registry.register(SessionAge(icloud, service.clock))
        ends = SessionEnds(icloud, service.attention, service.clock)
        await service.run(
            {"download": download},
            loops=[
                service.every(common.rhythm.downloader, look, "look"),
                service.every("1m", ends, "session"),
            ],
            slots={"download": own.slots},
        )


if __name__ == "__main__":
    start(main)
