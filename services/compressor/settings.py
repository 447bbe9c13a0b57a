"""The compressor's own settings: how hard, when, and on how many files at once; none can make it touch an original."""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from services.compressor.profiles import PROFILES, Profile
from services.compressor.tiers import Tier, checked_tiers
from shared.runtime.rhythm import checked_cron


def _left_is_none(tiers: Any) -> Any:
    """People write `heic: leave`; a kind that is not named is left, too."""
    if not isinstance(tiers, list):
        return tiers
    return [_without_leave(tier) if isinstance(tier, dict) else tier for tier in tiers]


def _without_leave(tier: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value == "leave" else value for name, value in tier.items()}


OwnTiers = Annotated[
    tuple[Tier, ...], BeforeValidator(_left_is_none), AfterValidator(checked_tiers)
]


class CompressorSettings(BaseModel):
    """The `compressor` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = "balanced"
    """How hard, by age: `careful`, `balanced` or `small`; docs/compression.md says what each does and saves."""
    tiers: OwnTiers | None = None
    """Tiers of your own in place of the profile's, youngest first; docs/compression.md shows how to write them."""
    during: Annotated[str, AfterValidator(checked_cron)] | None = None
    """A cron pattern (local time) of the minutes in which it may start a file, e.g. `* 0-6 * * *`; null is always."""
    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Photos at once: one uses one core."""
    video_slots: int = Field(default=1, ge=1, le=64)
    """Videos at once: one uses every core."""
    longest: float = Field(default=6 * 3600.0, gt=0)
    """Seconds after which one video is given up."""
    longest_photo: float = Field(default=900.0, gt=0)
    """Seconds after which one photo is given up."""

    @property
    def chosen(self) -> tuple[Tier, ...]:
        """The tiers that count: one's own, else the profile's."""
        return self.tiers or PROFILES[self.profile]
