"""The simulated servers' clock: the machine's time and what a test put on top; it never goes back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], int]
_LONGEST_STEP = 100 * 365.25 * 86400


def wall_clock() -> int:
    """Epoch milliseconds now."""
    return time.time_ns() // 1_000_000


@dataclass
class SimClock:
    """Call it for epoch milliseconds; whatever has a time in the simulator asks this one."""

    base: Clock = field(default=wall_clock)
    offset_ms: int = 0

    def __call__(self) -> int:
        """Epoch milliseconds of the simulated moment."""
        return self.base() + self.offset_ms

    def advance(self, seconds: float) -> None:
        """Let simulated time pass; raises ValueError for a step back or one that is no number."""
        if not 0 <= seconds <= _LONGEST_STEP:
            raise ValueError("the clock takes 0 seconds to 100 years")
        self.offset_ms += round(seconds * 1000)
