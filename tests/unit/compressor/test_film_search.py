"""The search for a video's setting, without any video."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from services.compressor.film_search import Look, find_crf, look, pieces, stride
from services.compressor.tiers import Film


@st.composite
def settings(draw: st.DrawFn) -> Film:
    crf = draw(st.integers(1, 45))
    worst = draw(st.none() | st.integers(crf, 51))
    return Film("x265", crf, tries=draw(st.integers(1, 10)), worst=worst)


@given(settings(), st.integers(0, 52))
def test_the_setting_found_passed_and_the_way_is_bounded(setting: Film, limit: int) -> None:
    asked: list[int] = []

    def judge(crf: int) -> bool:
        asked.append(crf)
        return crf <= limit

    found, tries = find_crf(setting, judge)
    assert tries == len(asked) <= setting.tries
    assert len(set(asked)) == len(asked)
    assert asked[0] == setting.crf
    assert all(1 <= crf <= setting.most for crf in asked)
    assert found == max((crf for crf in asked if crf <= limit), default=None)
    if found is None:
        assert len(asked) == setting.tries or min(asked) <= 2


def test_it_goes_up_while_the_look_permits_and_down_while_it_does_not() -> None:
    setting = Film("x265", 24, worst=30)
    assert find_crf(setting, lambda crf: crf <= 28) == (27, 3)
    assert find_crf(setting, lambda crf: crf <= 51) == (30, 3)
    assert find_crf(setting, lambda crf: crf <= 20) == (20, 3)
    assert find_crf(setting, lambda crf: crf <= 10) == (None, 4)
    assert find_crf(Film("x265", 24), lambda crf: crf <= 51) == (24, 1)


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
    assert (stride(1500), stride(1501)) == (1, 5)
