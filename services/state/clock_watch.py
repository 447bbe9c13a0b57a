"""Notices when the wall clock jumps: the dwell is the person's time for a veto, and a jump would take it away; it changes nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ALLOWED: Final = timedelta(minutes=30)


def since_boot() -> float:
    """Return seconds that have passed since the machine started, those in suspension included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Compares the wall clock with one that nobody can set."""

    def __init__(
        self, now: Callable[[], datetime], passed: Callable[[], float] = since_boot
    ) -> None:
        self._now, self._passed = now, passed
        self._offset = self._difference()

    def jump(self) -> timedelta | None:
        """Return by how much the wall clock jumped since the last look, None when it did not."""
        difference = self._difference()
        jumped = timedelta(seconds=difference - self._offset)
        if abs(jumped) <= ALLOWED:
            return None
        self._offset = difference
        return jumped

    def _difference(self) -> float:
        return self._now().timestamp() - self._passed()
