"""What the downloader needs of the outside world; nothing here can delete or change a photo."""

from __future__ import annotations

from shared.ports.bus import Ask, Say
from shared.ports.clock import Clock
from shared.ports.icloud import Fetch, ReadRecords

__all__ = ["Ask", "Clock", "Fetch", "ReadRecords", "Say"]
