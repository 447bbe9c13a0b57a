"""Lengths of time as people write them in settings: `3s`, `15m`, `24h`, `14d`; pure, and it never guesses a unit."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST: Final = timedelta(days=36_500)
"""A hundred years: more would carry a date out of the calendar."""
_WANTED: Final = "a length of time such as 30s, 15m, 24h or 14d"


def read_span(value: object) -> object:
    """Turn `15m` and the like into a timedelta; ValueError for a number without its unit, and for what is negative.

    `dwell: 14` would be 14 seconds to one reader and 14 days to another: it is neither here.
    """
    if isinstance(value, timedelta):
        return _bounded(value)
    if isinstance(value, int | float):
        raise ValueError(f"expected {_WANTED}, got {value!r} without its unit")
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d+)?)\s*([smhd])\s*", value)
    if found is None:
        raise ValueError(f"expected {_WANTED}, got {value[:40]!r}")
    seconds = float(found[1]) * _UNITS[found[2]]
    return _bounded(timedelta(seconds=min(seconds, 2 * _LONGEST.total_seconds())))


def _bounded(value: timedelta) -> timedelta:
    if not timedelta(0) <= value <= _LONGEST:
        raise ValueError(f"expected {_WANTED}, at most {_LONGEST.days}d and never negative")
    return value


Span = Annotated[timedelta, BeforeValidator(read_span)]
"""A setting that is a length of time."""
