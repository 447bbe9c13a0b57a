"""The simulated servers' clock; it can only be read."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def wall_clock() -> int:
    """Epoch milliseconds now."""
    return time.time_ns() // 1_000_000
