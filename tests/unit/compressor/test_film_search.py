"""The search for a video's setting, without any video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from services.compressor.films.search import Look, Sample, find_crf, look, lowest, pieces, stride
from services.compressor.tiers.tier import Film

if TYPE_CHECKING:
    from collections.abc import Callable


@st.composite
def settings(draw: st.DrawFn) -> Film:
    crf = draw(st.integers(1, 45))
    worst = draw(st.none() | st.integers(crf, 51))
    return Film("x265", crf, tries=draw(st.integers(1, 10)), worst=worst)


def until(limit: int, ratio: float = 0.5) -> Callable[[int], Sample]:
    """Samples that look as they should up to a CRF."""
    return lambda crf: Sample(Look(100, 100) if crf <= limit else Look(0, 0), ratio)


@given(settings(), st.integers(0, 52), st.sampled_from([0.5, 3.0]))
def test_the_setting_found_passed_and_the_way_is_bounded(
    setting: Film, limit: int, ratio: float
) -> None:
    asked: list[int] = []

    def sampled(crf: int) -> Sample:
        asked.append(crf)
        return until(limit, ratio)(crf)

    found = find_crf(setting, sampled, 0.5)
    assert found.tries == len(asked) <= setting.tries
    assert len(set(asked)) == len(asked)
    assert asked[0] == setting.crf
    assert all(1 <= crf <= setting.most for crf in asked)
    assert found.crf == max((crf for crf in asked if crf <= limit), default=None)
    assert len(found.missed) == sum(crf > limit for crf in asked)
    if found.crf is None:
        assert len(asked) == setting.tries or min(asked) <= 2 or ratio > 1


def test_it_goes_up_while_the_look_permits_and_down_while_it_does_not() -> None:
    def tried(setting: Film, limit: int) -> tuple[int | None, int]:
        found = find_crf(setting, until(limit), 0.0)
        return found.crf, found.tries

    setting = Film("x265", 24, worst=30)
    assert tried(setting, 28) == (27, 3)
    assert tried(setting, 51) == (30, 3)
    assert tried(setting, 20) == (20, 3)
    assert tried(setting, 10) == (None, 4)
    assert tried(Film("x265", 24), 51) == (24, 1)


def test_it_ends_where_a_sample_misses_the_floor_and_the_size() -> None:
    setting = Film("x265", 24, max_ratio=0.7, worst=30)
    assert find_crf(setting, until(20, 2.2), 0.0).tries == 1
    assert find_crf(setting, until(20, 2.0), 0.0).tries == 3
    assert find_crf(setting, until(51, 2.2), 0.0).tries == 3, "larger CRFs are smaller"


@given(st.floats(0.01, 20_000))
def test_samples_lie_inside_the_film_apart_and_are_a_small_part_of_a_long_one(
    seconds: float,
) -> None:
    found = pieces(seconds)
    end = 0.0
    for piece in found:
        assert piece.start >= end
        end = piece.start + piece.seconds
    assert end <= seconds
    if seconds >= 120:
        assert 0 < sum(piece.seconds for piece in found) <= seconds * 0.0501


def test_both_the_mean_and_the_worst_frames_have_to_clear_the_floor() -> None:
    setting = Film("x265", 24, floor=93, floor_p5=90)
    assert Look(93, 90).clears(setting)
    assert not Look(92.9, 99).clears(setting)
    assert not Look(99, 89.9).clears(setting)
    assert not Look(93.4, 95).clears(setting, 0.5)


def test_a_score_that_is_no_number_never_counts() -> None:
    assert look([90.0] * 95 + [10.0] * 5 + [95.0]).p5 == 90.0
    assert look([90.0] * 94 + [10.0] * 6).p5 == 10.0
    for scores in ([], [99.0, float("nan")]):
        with pytest.raises(ValueError, match="score"):
            look(scores)


def test_only_a_long_film_is_scored_on_a_part_of_its_frames() -> None:
    assert (stride(1500), stride(1501)) == (1, 7)


def test_the_worst_of_all_views_counts_in_the_mean_and_in_the_5th_percentile() -> None:
    assert lowest([Look(90, 50), Look(80, 60), Look(85, 70)]) == Look(80, 50)
