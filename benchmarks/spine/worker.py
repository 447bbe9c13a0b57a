"""One worker process: the real worker runtime and everything its service loads, with handlers that do no work.

python -m benchmarks.spine.worker <service>; it reads settings as any service does, and touches no file but its logs.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.spine import noop
from shared.domain.pipeline import SERVICES, stages_of
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common

if TYPE_CHECKING:
    from shared.runtime.service import Service


def handlers(service: Service) -> dict[str, Any]:
    """Return a handler that answers at once for each stage of the service."""
    every = {
        "download": noop.download, "pixel": noop.pixel, "nas": noop.nas, "verify": noop.nas,
        "compress": noop.compress, "rendition": noop.rendition, "album": noop.album,
        "return": noop.returned, "purge": noop.purging(service.ask),
        "delete": noop.deleting(service.ask), "release": noop.kept,
    }  # fmt: skip
    return {stage.name: every[stage.name] for stage in stages_of(service.row.name)}


async def main() -> None:
    """Run the service named on the command line until a signal."""
    row = next(service for service in SERVICES if service.name == sys.argv[1])
    importlib.import_module(
        f"services.{row.name}.__main__"
    )  # its memory is to be that of the real service
    async with open_service(row, load_common()) as service:
        await service.run(handlers(service))


if __name__ == "__main__":
    start(main)
