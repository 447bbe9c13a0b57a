"""When something may be done: parts of the day."""

from __future__ import annotations

from datetime import datetime, time

from hypothesis import assume, given, strategies as st

from shared.runtime.rhythm import checked_hours, is_open, rest_of_day

MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(begin=MINUTES, end=MINUTES, minute=MINUTES)
def test_of_a_part_of_the_day_and_the_rest_of_it_always_one_is_open(
    begin: time, end: time, minute: time
) -> None:
    assume(begin != end)
    hours = checked_hours(f"{begin:%H:%M}-{end:%H:%M}")
    now = datetime(2026, 7, 1, minute.hour, minute.minute).astimezone()
    inside = begin <= minute < end if begin < end else minute >= begin or minute < end
    assert is_open(hours, now) is inside
    assert is_open(rest_of_day(hours), now) is not inside
