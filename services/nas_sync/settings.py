"""nas_sync's own settings; where the NAS is belongs to the common part."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class NasSyncSettings(BaseModel):
    """The `nas_sync` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slots: int = Field(default=4, ge=1, le=64)
    """Files that each stage of it works on at once."""
