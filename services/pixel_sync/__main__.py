"""pixel_sync: shows files to the Pixel phone and watches what it does with them; it never writes on the phone."""

from __future__ import annotations

from functools import partial

from services.pixel_sync.handler import Stage
from services.pixel_sync.listening import listen
from services.pixel_sync.seen import Seen
from services.pixel_sync.settings import PixelSyncSettings
from services.pixel_sync.syncthing import SyncthingPhone
from services.pixel_sync.watch import Watch
from services.pixel_sync.window import Window
from shared.domain.ids import Area
from shared.domain.pipeline import PIXEL_SYNC
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section


async def main() -> None:
    """Wire the phone's Syncthing to the handler and the watch, then run until SIGTERM."""
    common = load_common()
    settings = load_section("pixel_sync", PixelSyncSettings)
    address = settings.address()
    async with open_service(PIXEL_SYNC, common) as service:
        clock = service.clock
        async with SyncthingPhone(address, now=clock.now) as phone:
            folder = common.library.root / Area.PIXEL
            window = Window(folder, settings.window_files, settings.window_bytes)
            watch = Watch(phone, window, service.say, service.ask, clock, settings.rules)
            await service.run(
                {"pixel": Stage(common.library.root, phone, window, clock)},
                [
                    service.every(common.rhythm.pixel_sync, watch.look, "watch"),
                    service.every("1m", Seen(phone, service.metrics.registry), "seen"),
                    partial(listen, phone, partial(service.wake, "watch")),
                ],
                slots={"pixel": settings.slots},
            )


if __name__ == "__main__":
    start(main)
