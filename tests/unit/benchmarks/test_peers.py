"""The comparison with other tools: sizes are compared at one score, and what a tool loses is told; its figures are not tested."""

from __future__ import annotations

import math

from hypothesis import assume, given, strategies as st

from benchmarks.compressor.peer_metadata import lost
from benchmarks.compressor.peer_search import Try, front, size_at
from tests.unit.benchmarks.running import told

numbers = st.floats(0.1, 10.0)


@given(st.floats(0.2, 1.5), st.floats(20.0, 95.0))
def test_a_tools_size_is_told_for_just_the_wanted_score(slope: float, wanted: float) -> None:
    """A tool whose size grows by 3 % a quality: whatever the score, the size has to be on its own curve."""

    def attempt(quality: int) -> Try:
        return Try(round(1e9 * 1.03**quality), slope * quality)

    exact = wanted / slope
    found = size_at(wanted, attempt, {80: attempt(80)})
    if exact > 98:
        assert found is None
    else:
        assert found is not None
        assert math.isclose(found, 1e9 * 1.03 ** max(exact, 30), rel_tol=1e-6)


@given(st.dictionaries(st.text(min_size=1), st.tuples(numbers, numbers), min_size=1))
def test_on_the_front_is_who_is_undercut_by_none(points: dict[str, tuple[float, float]]) -> None:
    best = front(points)
    assert best
    for name, (size, seconds) in points.items():
        undercut = [
            other
            for other in points.values()
            if other[0] <= size and other[1] <= seconds and other != (size, seconds)
        ]
        assert (name in best) == (not undercut)


@given(st.integers(30, 98), st.floats(0.1, 0.9))
def test_the_smallest_quality_that_reaches_the_score_is_found(quality: int, above: float) -> None:
    assume(quality < 98)
    tried: list[int] = []

    def attempt(now: int) -> Try:
        tried.append(now)
        return Try(1000 + now, float(now))

    found = size_at(quality + above, attempt, {80: attempt(80)})
    assert found is not None
    assert 1000 + quality < found < 1001 + quality
    assert len(tried) <= 12


def test_lost_metadata_is_counted_by_kind() -> None:
    before = {"EXIF:ExifIFD:ISO": 64, "EXIF:GPS:GPSLatitude": 48.1, "MPF:MPImage2:MPImage2": "base64:xy"}  # fmt: skip
    assert lost([(before, dict(before))]) == "**nothing**"
    after = {"EXIF:ExifIFD:ISO": 65, "EXIF:GPS:GPSLatitude": 48.1}
    assert lost([(before, after), (before, before)]) == "EXIF 1/2, gain map 1/2"


def test_the_tools_at_hand_are_compared() -> None:
    said = told("peers")
    assert "2 JPEGs made by script, 320 x 240: 2 of 2" in said
    assert "| **photoduct** | jpegli " in said
    assert "| Pillow, as it comes " in said
