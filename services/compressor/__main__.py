"""compressor: makes smaller renditions, by age; it only ever reads an original."""

from __future__ import annotations

from services.compressor.handler import Compress
from services.compressor.settings import CompressorSettings
from shared.domain.pipeline import COMPRESSOR
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section


async def main() -> None:
    """Wire the encoders to the stage, then run until SIGTERM."""
    common = load_common()
    settings = load_section("compressor", CompressorSettings)
    async with open_service(COMPRESSOR, common) as service:
        compress = Compress(
            common.library.root, settings.tiers, settings.longest.total_seconds(), service.clock
        )
        await service.run(
            {"compress": compress},
            slots={
                "compress-photo": settings.photos_at_once,
                "compress-video": settings.videos_at_once,
            },
            during=settings.during,
        )


if __name__ == "__main__":
    start(main)
