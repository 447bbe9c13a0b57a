"""nas_sync: archives files on the NAS and reads them back cold; it overwrites no copy, and removes an original only under a permit."""

from __future__ import annotations

from services.nas_sync.handler import Archive
from services.nas_sync.mounted import Mounted
from services.nas_sync.nas import Nas
from services.nas_sync.releasing import Release
from services.nas_sync.settings import NasSyncSettings
from shared.domain.pipeline import NAS_SYNC
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section
from shared.runtime.sweep import Sweep


async def main() -> None:
    """Wire the archive to its three stages, then run until SIGTERM."""
    common = load_common()
    settings = load_section("nas_sync", NasSyncSettings)
    async with open_service(NAS_SYNC, common) as service:
        nas = Nas(common.nas.root)
        archive = Archive(common.library.root, nas, service.clock)
        mounted = Mounted(nas)
        service.metrics.registry.register(mounted)
        await service.run(
            {
                "nas": archive.store,
                "verify": archive.verify,
                "rendition": archive.place_rendition,
                "release": Release(nas, service.ask, service.clock),
            },
            [
                service.every("1m", mounted, "mounted"),
                service.every("1d", Sweep(nas.sweep), "sweep"),
            ],
            slots=dict.fromkeys(("nas", "verify", "rendition"), settings.slots),
        )


if __name__ == "__main__":
    start(main)
