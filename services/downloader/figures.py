"""What Prometheus is shown of the downloader: its work with iCloud, the session's age, the library's disk; it decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.downloader.signing_in.ending import SessionAge
from shared.adapters.prometheus_disk import Disk
from shared.adapters.prometheus_icloud import ICloudMetrics
from shared.domain.ids import Area

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from services.downloader.ports import Clock
    from shared.adapters.icloud_settings import ICloudSettings
    from shared.runtime.settings import LibrarySettings


def figures(
    registry: CollectorRegistry, icloud: ICloudSettings, library: LibrarySettings, clock: Clock
) -> ICloudMetrics:
    """Register what is read at the moment of asking, and return what counts the work with iCloud."""
    registry.register(SessionAge(icloud, clock))
    registry.register(Disk("library", library.root / Area.BACKUP, library.free_space_floor))
    return ICloudMetrics(registry)
