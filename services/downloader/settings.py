"""The downloader's own settings; it has none that could make it delete anything."""

from __future__ import annotations

from pydantic import BaseModel, Field


class DownloaderSettings(BaseModel):
    """The `downloader` part of the settings; how often it looks is the runtime's rhythm."""

    slots: int = Field(default=8, ge=1, le=32)
    """Files on their way at once."""
    remembered_assets: int = Field(default=1000, ge=0)
    """Assets whose addresses are kept from the last listing or lookup, about 5 kB each."""
    url_minutes: float = Field(default=30, gt=0, le=55)
    """How long an address counts as good; Apple's die after 60."""
