"""Runs icloud_cleanup: wiring only; the delete call is handed to the handler that asks for a permit, and to nothing else."""

from __future__ import annotations

from services.icloud_cleanup.deleting import DeleteHandler
from services.icloud_cleanup.handler import AlbumHandler, PurgeHandler, ReturnHandler
from services.icloud_cleanup.library import Library
from services.icloud_cleanup.settings import ICloudCleanupSettings, Kept
from shared.adapters.icloud_album import ICloudAlbum
from shared.adapters.icloud_album_keeping import ICloudKeptAlbums
from shared.adapters.icloud_delete import ICloudDelete
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_transport import CloudKit
from shared.domain.pipeline import ICLOUD_CLEANUP
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section


async def main() -> None:
    """Read the settings, open iCloud and the bus, work until SIGTERM."""
    common = load_common()
    icloud = load_section("icloud", ICloudSettings)
    own = load_section("icloud_cleanup", ICloudCleanupSettings)
    protecting = load_section("deletion", Kept).never_delete_albums
    async with open_session(icloud) as session, open_service(ICLOUD_CLEANUP, common) as service:
        cloud, clock, library = CloudKit(session), service.clock, Library(common.library.root)
        records = ICloudRecords(cloud)
        album = ICloudAlbum(cloud, records, own.album)
        delete = DeleteHandler(
            records=records,
            album=album,
            kept=ICloudKeptAlbums(cloud, records, protecting),
            delete=ICloudDelete(cloud),
            ask=service.ask,
            clock=clock,
            settings=own,
        )
        await service.run(
            {
                "album": AlbumHandler(library=library, album=album, clock=clock),
                "return": ReturnHandler(library=library, clock=clock),
                "delete": delete,
                "purge": PurgeHandler(library=library, ask=service.ask, clock=clock),
            },
            during=own.during,
        )


if __name__ == "__main__":
    start(main)
