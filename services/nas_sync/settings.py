"""nas_sync's own settings; where the NAS is mounted is common to all services (`nas.root`)."""

from __future__ import annotations

from pydantic import BaseModel, Field


class NasSyncSettings(BaseModel):
    """The `nas_sync` part of the settings."""

    slots: int = Field(default=4, ge=1, le=32)
    """Files copied or read back at once."""
