from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, strategies as st
from pydantic import TypeAdapter, ValidationError

from services.compressor.policy import (
    BALANCED,
    Encode,
    Kind,
    Leave,
    Tier,
    checked_tiers,
    plan,
    tier_for,
    worth_it,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LIGHT, MEDIUM, HEAVY = BALANCED
ages = st.timedeltas(min_value=timedelta(days=-800), max_value=timedelta(days=40_000))


@pytest.mark.parametrize(
    ("age", "tier"),
    [
        (timedelta(days=-1), LIGHT),
        (timedelta(days=365) - timedelta(microseconds=1), LIGHT),
        (timedelta(days=365), MEDIUM),
        (timedelta(days=1095) - timedelta(microseconds=1), MEDIUM),
        (timedelta(days=1095), HEAVY),
    ],
)
def test_a_tier_ends_just_before_its_age(age: timedelta, tier: Tier) -> None:
    assert tier_for(NOW - age, NOW, BALANCED) is tier


@given(ages, ages)
def test_an_older_photo_is_never_in_a_younger_tier(one: timedelta, other: timedelta) -> None:
    younger, older = sorted((one, other))
    found = [BALANCED.index(tier_for(NOW - age, NOW, BALANCED)) for age in (younger, older)]
    assert found[0] <= found[1]


@given(ages)
def test_every_age_is_below_its_tiers_limit_and_not_below_the_one_before(age: timedelta) -> None:
    at = BALANCED.index(tier_for(NOW - age, NOW, BALANCED))
    limits = [tier.max_age_days for tier in BALANCED]
    assert limits[at] is None or age < timedelta(days=limits[at] or 0)
    assert at == 0 or age >= timedelta(days=limits[at - 1] or 0)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0.05, 1.0))
def test_a_rendition_is_worth_it_only_when_it_is_smaller_and_not_empty(
    old: int, new: int, ratio: float
) -> None:
    assert worth_it(old, new, ratio) == (0 < new <= old * ratio)
    if worth_it(old, new, ratio):
        assert not worth_it(new, old, 0.99)


def test_worth_it_ends_at_nine_tenths() -> None:
    assert worth_it(1000, 900)
    assert not worth_it(1000, 901)
    assert not worth_it(0, 0)


def test_the_older_the_photo_the_harder_its_encode() -> None:
    for young, old in pairwise(BALANCED):
        assert (young.jpeg_quality or 0) > (old.jpeg_quality or 0)
        assert (young.video_crf or 0) < (old.video_crf or 0)


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.PNG, Kind.H264])
def test_every_tier_does_something_for_the_common_kinds(kind: Kind) -> None:
    assert all(isinstance(plan(kind, tier), Encode) for tier in BALANCED)


def test_what_is_small_already_is_left_to_the_heavy_tier_which_asks_more_of_it() -> None:
    assert isinstance(plan(Kind.HEIC, MEDIUM), Leave)
    assert plan(Kind.HEIC, HEAVY) == Encode(Kind.HEIC, 50)
    assert isinstance(plan(Kind.HEVC, MEDIUM), Leave)
    assert plan(Kind.HEVC, HEAVY) == Encode(Kind.HEVC, 28, 0.7)


@pytest.mark.parametrize(
    "kind", [Kind.RAW, Kind.GIF, Kind.WEBP, Kind.AVIF, Kind.OTHER_VIDEO, Kind.UNKNOWN]
)
def test_other_kinds_are_left_with_a_reason(kind: Kind) -> None:
    answer = plan(kind, HEAVY)
    assert isinstance(answer, Leave)
    assert str(kind) in answer.reason


def test_tiers_are_read_from_yaml() -> None:
    text = "- {name: all, max_age_days: null, jpeg_quality: 60, heic_quality: null, png: true, video_crf: 30}"
    assert TypeAdapter(tuple[Tier, ...]).validate_python(yaml.safe_load(text)) == (
        Tier("all", None, 60, None, png=True, video_crf=30),
    )


@pytest.mark.parametrize(
    "wrong", ["jpeg_quality: 0", "video_crf: 99", "jpg_quality: 60", "name: ''", "max_age_days: 0"]
)
def test_a_wrong_setting_is_refused(wrong: str) -> None:
    base = yaml.safe_load(
        "{name: all, max_age_days: null, jpeg_quality: 60, heic_quality: null, png: true, video_crf: 30}"
    )
    with pytest.raises(ValidationError):
        TypeAdapter(Tier).validate_python(base | yaml.safe_load(wrong))


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (LIGHT,),
        (HEAVY, LIGHT),
        (MEDIUM, LIGHT, HEAVY),
        (LIGHT, replace(MEDIUM, name="light"), HEAVY),
        (replace(LIGHT, max_age_days=None), HEAVY),
    ],
)
def test_tiers_that_do_not_cover_every_age_once_are_refused(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(ValueError, match="tier"):
        checked_tiers(tiers)


def test_the_default_tiers_pass_their_own_check() -> None:
    assert checked_tiers(BALANCED) is BALANCED
