"""pixel_sync's own settings; none of them can make it write on the phone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from services.pixel_sync.policy import Rules
from services.pixel_sync.syncthing_rest import SyncthingAddress
from shared.domain.spans import Span
from shared.runtime.settings import read_secret


class PixelSyncSettings(BaseModel):
    """The `pixel_sync` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rest_url: str = "http://127.0.0.1:8384"
    """Syncthing's REST address on this side, not the phone's."""
    api_key: str | None = Field(default=None, repr=False)
    """The key from Syncthing's settings; `api_key_file` names a file that holds it, the safer place."""
    api_key_file: Path | None = None
    folder: str = "photoduct-pixel"
    """Syncthing's id of the shared folder."""
    device: str = ""
    """The phone's device id."""
    window_files: int = Field(default=2_000, ge=1)
    """Files that lie on the phone at once, at most."""
    window_bytes: int = Field(default=30_000_000_000, ge=1)
    settle_for: Span = timedelta(hours=24)
    """How long a file must have been on the phone, ending with the phone online, to count as settled."""
    mass_share: float = Field(default=1.0, gt=0, le=1)
    """From this share of the window on, files that vanish at once prove nothing."""
    mass_from: int = Field(default=20, ge=1)
    """The same, only for a window of at least so many files; the person can confirm what was suspect by name."""
    slots: int = Field(default=16, ge=1, le=256)

    @property
    def rules(self) -> Rules:
        """The rules of evidence."""
        return Rules(self.settle_for, mass_share=self.mass_share, mass_from=self.mass_from)

    def address(self) -> SyncthingAddress:
        """Return where the server's Syncthing answers; SettingsError without a key."""
        key = read_secret(self.api_key, self.api_key_file, "pixel_sync.api_key")
        return SyncthingAddress(self.rest_url, key, self.folder, self.device)
