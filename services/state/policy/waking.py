"""When an asset is planned anew though nothing was reported about it: at a moment, or because what held it may have changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.gate import Situation

LOOK_AGAIN = timedelta(minutes=5), timedelta(hours=1)
"""How often an asset is planned anew that waits for something else than time (a freeze, a brake, the archive): at the
beginning, and at last. A frozen library of 100,000 photos takes a sixth of a core and of the disk at the first rhythm."""


@dataclass(slots=True)
class Plan:
    """The work that should exist for one asset: (stage, key) pairs, and when time alone changes that."""

    wanted: list[tuple[str, int]] = field(default_factory=list)
    wake_at: datetime | None = None

    def wake(self, at: datetime) -> None:
        """Look again at this moment, or earlier."""
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)

    def hold(self, now: datetime, *, since: datetime) -> None:
        """Look again from time to time, the rarer the longer it has been due; `what_holds` tells when to look at once."""
        often, seldom = LOOK_AGAIN
        self.wake(now + min(max((now - since) / 8, often), seldom))


def what_holds(here: Situation) -> str:
    """Name what holds every asset alike; when it changes, all that were held are to be planned at once."""
    return repr((here.frozen, here.listing_sane, here.archive, here.file_system, here.window_open))
