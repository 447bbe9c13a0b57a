"""The compressor's own settings: how hard, when, and on how many files at once; none can make it touch an original."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.compressor.policy import BALANCED, Tier, checked_tiers
from shared.runtime.rhythm import checked_cron


class CompressorSettings(BaseModel):
    """The `compressor` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tiers: Annotated[tuple[Tier, ...], AfterValidator(checked_tiers)] = BALANCED
    """By age, youngest first."""
    during: Annotated[str, AfterValidator(checked_cron)] | None = None
    """A cron pattern (local time) of the minutes in which it may start a file, e.g. `* 0-6 * * *`; null is always."""
    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Photos at once: one uses one core."""
    video_slots: int = Field(default=1, ge=1, le=64)
    """Videos at once: one uses every core."""
    longest: float = Field(default=6 * 3600.0, gt=0)
    """Seconds after which one file is given up."""
