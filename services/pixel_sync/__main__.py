"""pixel_sync: shows files to the Pixel phone and watches what it does with them; it can delete nothing but its own links."""

from __future__ import annotations

from functools import partial

from services.pixel_sync.handler import Stage
from services.pixel_sync.policy import Rules
from services.pixel_sync.settings import PixelSyncSettings
from services.pixel_sync.syncthing import SyncthingPhone
from services.pixel_sync.syncthing_rest import SyncthingAddress
from services.pixel_sync.watch import Watch
from services.pixel_sync.window import Window
from shared.domain.ids import Area
from shared.domain.pipeline import PIXEL_SYNC
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section, read_secret


async def main() -> None:
    """Wire Syncthing to the handler and the watch, then run until SIGTERM."""
    common = load_common()
    settings = load_section("pixel_sync", PixelSyncSettings)
    key = read_secret(settings.api_key, settings.api_key_file, "pixel_sync.api_key")
    address = SyncthingAddress(settings.rest_url, key, settings.folder, settings.device)
    folder = common.library.root / Area.PIXEL
    folder.mkdir(parents=True, exist_ok=True)
    window = Window(folder, settings.window_files, settings.window_bytes)
    rules = Rules(settings.settle_for, settings.mass_share, settings.mass_from)
    async with open_service(PIXEL_SYNC, common) as service:
        clock = service.clock
        async with SyncthingPhone(address, now=clock.now) as phone:
            watch = Watch(phone, window, service.say, service.ask, clock, rules)
            await service.run(
                {"pixel": Stage(common.library.root, phone, window, clock)},
                [partial(watch.run, settings.poll)],
            )


if __name__ == "__main__":
    start(main)
