"""Lengths of time as people write them in settings: `3s`, `15m`, `24h`, `14d`; pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_span(value: object) -> object:
    """Turn `15m` and the like into a timedelta; leave anything else to pydantic's own rules."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value)
    if found is None:
        raise ValueError("a length of time such as 30s, 15m, 24h or 14d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


Span = Annotated[timedelta, BeforeValidator(read_span)]
"""A setting that is a length of time."""
