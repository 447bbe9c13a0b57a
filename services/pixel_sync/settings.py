"""pixel_sync's own settings: where Syncthing is, how big the window may be, and when a file counts as settled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, Field

from shared.domain.spans import Span


class PixelSyncSettings(BaseModel):
    """The `pixel_sync` part of the settings."""

    rest_url: str = "http://127.0.0.1:8384"
    """Syncthing's REST address on this side, not the phone's."""
    api_key: str | None = None
    api_key_file: Path | None = None
    """The key from Syncthing's settings; a file is the safer place for it."""
    folder: str = "pixel"
    """Id of the folder that Syncthing shares with the phone; it is `<library>/pixel`, sendonly."""
    device: str = ""
    """Device id of the phone."""
    window_files: int = Field(default=1000, ge=1)
    """Files on the phone at once; more wait until some are freed."""
    window_bytes: int = Field(default=50_000_000_000, ge=1)
    settle_for: Span = timedelta(days=3)
    """How long the phone has to have been seen with a file before its removal means anything."""
    poll: Span = timedelta(seconds=30)
    """How often to look at the phone, besides whenever Syncthing tells of a change."""
    mass_share: float = Field(default=1.0, gt=0, le=1)
    mass_from: int = Field(default=20, ge=1)
    """A deletion of this share of at least so many files at once is suspect and asks the person."""
