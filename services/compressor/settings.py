"""The compressor's own settings: how hard each age is compressed, how many at once, and when."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from services.compressor.policy import BALANCED, Tier, checked_tiers
from shared.domain.spans import Span
from shared.runtime.rhythm import checked_cron


def _checked(during: str | None) -> str | None:
    return during if during is None else checked_cron(during)


class CompressorSettings(BaseModel):
    """The `compressor` part of the settings."""

    tiers: Annotated[tuple[Tier, ...], AfterValidator(checked_tiers)] = BALANCED
    """By age of the photo, the youngest first; the last has no upper age."""
    photos_at_once: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    videos_at_once: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=1, le=256
    )
    during: Annotated[str | None, AfterValidator(_checked)] = None
    """A cron pattern of the minutes in which encoding may begin, e.g. `* 22-23,0-6 * * *`; null is always."""
    longest: Span = timedelta(hours=6)
    """Wall time after which one file is given up."""
