"""When something is due (every so often, or by a cron pattern) and when it may be done at all, in local time; it reads no clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_INTERVAL: Final = re.compile(r"(\d+)\s*([smhd])")

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def checked_rhythm(text: str) -> str:
    """Return the text; ValueError when it is neither an interval nor a cron pattern."""
    if interval(text) is None:
        checked_cron(text)
    return text


def checked_cron(text: str) -> str:
    """Return the text; ValueError when it is no cron pattern of five fields."""
    from croniter import croniter

    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError(
            f"{text!r} is neither an interval like 15m nor a cron pattern like '0 3 * * *'"
        )
    return text


def checked_hours(text: str) -> str:
    """Return the text; ValueError when it is no part of a day like `08:00-23:00`; it may go over midnight."""
    if _HOURS.fullmatch(text) is None or text[:5] == text[6:]:
        raise ValueError(f"{text!r} is no part of a day like '08:00-23:00'")
    return text


def rest_of_day(hours: str) -> str:
    """Return the other part of the day."""
    begin, end = hours.split("-")
    return f"{end}-{begin}"


def interval(text: str) -> timedelta | None:
    """Return the interval that the text states, None when it is no interval."""
    found = _INTERVAL.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        return None
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def next_due(text: str, after: datetime) -> datetime:
    """Return the next moment after `after` (aware)."""
    step = interval(text)
    if step is not None:
        return after + step
    from croniter import croniter

    due: datetime = croniter(text, after.astimezone()).get_next(datetime)
    return due


def is_open(during: str | None, now: datetime) -> bool:
    """Say whether the minute of `now` belongs to the window: a cron pattern or a part of the day; None is always."""
    if during is None:
        return True
    local = now.astimezone()
    if hours := _HOURS.fullmatch(during):
        begin, end, minute = f"{hours[1]}:{hours[2]}", f"{hours[3]}:{hours[4]}", f"{local:%H:%M}"
        return begin <= minute < end if begin < end else not end <= minute < begin
    from croniter import croniter

    return bool(croniter.match(during, local))
