"""icloud_cleanup's own settings; the rules of deletion are the state service's, none of these can loosen them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.runtime.rhythm import checked_cron


class Kept(BaseModel):
    """What of the `deletion` part icloud_cleanup looks up itself, too; the gate asks whether it did."""

    model_config = ConfigDict(extra="ignore")

    never_delete_albums: tuple[str, ...] = ()


class ICloudCleanupSettings(BaseModel):
    """The `icloud_cleanup` part of the settings."""

    enabled: bool = False
    """While False, nothing is deleted, whatever the state service would permit."""
    album: str = Field(default="DeletePending", pattern=r"\S")
    """The album in which finished assets wait; taking one out of it is the person's veto."""
    during: Annotated[str, AfterValidator(checked_cron)] | None = None
    """A cron pattern in local time; outside the minutes that it names no new work is begun."""
