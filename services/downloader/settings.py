"""The downloader's own settings; it has none that could make it delete anything."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from services.downloader.icloudpd.settings import IcloudpdSettings


class DownloaderSettings(BaseModel):
    """The `downloader` part of the settings; how often it looks is the runtime's rhythm."""

    engine: Literal["pyicloud", "icloudpd"] = "pyicloud"
    """What fetches the bytes: photoduct itself with pyicloud's sign-in, or the icloudpd command."""
    concurrency: int = Field(default=8, ge=1, le=32)
    """Downloads on their way at once, photos and videos together; fewer while Apple slows us down."""
    slots: int = Field(default=48, ge=1, le=256)
    """Tasks of photos, and as many of videos, that are prepared and finished around them."""
    stall_seconds: float = Field(default=30, gt=0)
    """A download that brings next to nothing for so long is begun again where it stopped."""
    accept_size_only: bool = False
    """Take a file above 2 GB that Apple sends twice alike with another checksum than it states."""
    remembered_assets: int = Field(default=10_000, ge=0)
    """Assets whose addresses are kept from the last listing or lookup, about 3 kB each."""
    url_minutes: float = Field(default=30, gt=0, le=55)
    """How long an address counts as good; Apple's die after 60."""
    login_port: int = Field(default=0, ge=0, le=65_535)
    """Where `photoduct login` finds the downloader on this machine's own loopback; 0 is any free port."""
    icloudpd: IcloudpdSettings = IcloudpdSettings()
    """The second engine, used where `engine` names it."""
