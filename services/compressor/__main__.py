"""compressor: makes smaller renditions, by age; it can read an original and never change one."""

from __future__ import annotations

from functools import partial

from services.compressor.handler import Compress
from services.compressor.pool.figures import Figures
from services.compressor.pool.following import Following, Telling
from services.compressor.pool.leftovers import sweep
from services.compressor.pool.turns import Turns, keep_share
from services.compressor.settings import CompressorSettings
from shared.domain.ids import Kind
from shared.domain.pipeline import COMPRESSOR
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section
from shared.runtime.sweep import Sweep


async def main() -> None:
    """Wire the codecs to the handler, then run until SIGTERM."""
    common = load_common()
    settings = load_section("compressor", CompressorSettings)
    async with open_service(COMPRESSOR, common) as service:
        longest = {Kind.PHOTO: settings.longest_photo, Kind.VIDEO: settings.longest}
        figures = Figures(service.metrics.registry, (tier.name for tier in settings.chosen))
        following, turns = Following(figures), Turns(settings.encoders)
        compress = Compress(
            common.library.root,
            settings.chosen,
            longest,
            service.clock,
            turns,
            common.nas.root,
            following,
        )
        telling = Telling(following, service.clock, service.show)
        clearing = Sweep(partial(sweep, common.library.root, max(longest.values())))
        slots = partial(settings.encoders_now, service.may_run)
        turns.changed = service.resize
        await service.run(
            {"compress": compress},
            [
                service.every("1d", clearing, "sweep"),
                service.every("2s", telling, "progress"),
                partial(keep_share, turns, slots, figures.may_run),
            ],
            slots={f"compress-{kind}": partial(turns.wanted, kind) for kind in Kind},
            during=settings.window,
        )


if __name__ == "__main__":
    start(main)
