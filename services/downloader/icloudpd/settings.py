"""The second engine's settings; none of them can make icloudpd delete anything, here or in iCloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.downloader.icloudpd.arguments import checked


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError(f"expected a path from the root such as /media/icloudpd, got {path!s:.80}")
    return path


class IcloudpdSettings(BaseModel):
    """The `downloader.icloudpd` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str = "icloudpd"
    """The program: a path, or a name that is looked for beside this Python and then on the PATH."""
    folder: Annotated[Path | None, AfterValidator(_absolute)] = None
    """Where it downloads to, a folder of photoduct's own; empty: `incoming/icloudpd` of the library."""
    arguments: Annotated[tuple[str, ...], AfterValidator(checked)] = ()
    """More arguments, each a word: only such as choose which photos it looks at."""
    pause_minutes: float = Field(default=15, ge=0)
    """At least so long between the end of a run and the next."""
    quiet_minutes: float = Field(default=10, gt=0)
    """A run that neither says nor receives anything for so long is stopped."""
    longest_hours: float = Field(default=72, gt=0)
    """A run that takes longer is stopped; the next one goes on where it was."""
