"""A clock that jumps is noticed, one that drifts or slept is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.state.clock_watch import ClockWatch


def test_a_jump_is_told_once_and_drift_and_sleep_are_none() -> None:
    wall, passed = [datetime(2026, 1, 1, tzinfo=UTC)], [0.0]
    watch = ClockWatch(lambda: wall[0], lambda: passed[0])
    wall[0] += timedelta(days=2)
    passed[0] += 2 * 86_400 - 60  # two days of suspension, a minute of drift
    assert watch.jump() is None
    wall[0] += timedelta(days=400)
    assert watch.jump() == timedelta(days=400, seconds=60)
    assert watch.jump() is None
    wall[0] -= timedelta(hours=1)
    assert watch.jump() == timedelta(hours=-1)
