"""Apple's wish to be left alone until a moment, kept in the session's folder: for every process, and over a restart; it waits for nobody."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from shared.adapters.clock import SystemClock
from shared.adapters.private_files import write_private
from shared.ports.icloud import StillSlow

if TYPE_CHECKING:
    from pathlib import Path

    from shared.ports.clock import Clock

_LONGEST: Final = timedelta(days=1, minutes=1)
"""No wish lasts longer: one that seems to was written before this clock was set back."""
_HARDLY: Final = 0.25
"""Seconds that are not worth an error: the clock by which a wish is waited for is another one."""


class Patience:
    """The wish of one kind of Apple's hosts; `kind` is `requests` or `downloads`."""

    def __init__(self, folder: Path, kind: str, clock: Clock | None = None) -> None:
        self._path = folder / f"patience-{kind}.json"
        self._clock = clock or SystemClock()

    def check(self) -> None:
        """Raise StillSlow, with the seconds that are left, while Apple wants to be left alone."""
        until, now = self._until(), self._clock.now()
        left = (until - now).total_seconds() if until is not None else 0.0
        if _HARDLY < left <= _LONGEST.total_seconds():
            raise StillSlow(left)

    def wished(self, seconds: float) -> None:
        """Note that Apple has just named so many seconds; where it cannot be kept, this process alone knows."""
        until = self._clock.now() + timedelta(seconds=seconds)
        known = self._until()
        if known is None or known < until:
            with suppress(OSError):
                write_private(self._path, json.dumps({"until": until.isoformat()}))

    def _until(self) -> datetime | None:
        try:
            until = datetime.fromisoformat(json.loads(self._path.read_bytes())["until"])
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return until if until.tzinfo is not None else None
