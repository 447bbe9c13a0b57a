import json
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, strategies as st
from pydantic import ValidationError

from services.compressor.settings import CompressorSettings
from services.compressor.tiers.policy import Encode, Kind, Leave, plan, worth_it
from services.compressor.tiers.profiles import BALANCED, CAREFUL, PROFILES, Profile
from services.compressor.tiers.tier import (
    Film,
    Reversible,
    Still,
    Tier,
    checked_tiers,
    read_tier,
    tiers_for,
)
from services.compressor.tiers.where import File

LIGHT, MEDIUM, HEAVY = BALANCED
ages = st.timedeltas(min_value=timedelta(days=-800), max_value=timedelta(days=40_000))


def tier_for(age: timedelta) -> Tier:
    return tiers_for(File(age), BALANCED)[0]


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
    assert tier_for(age) is tier


@given(ages, ages)
def test_an_older_photo_is_never_in_a_younger_tier(one: timedelta, other: timedelta) -> None:
    younger, older = sorted((one, other))
    found = [BALANCED.index(tier_for(age)) for age in (younger, older)]
    assert found[0] <= found[1]


@given(ages)
def test_every_age_is_below_its_tiers_limit_and_not_below_the_one_before(age: timedelta) -> None:
    at = BALANCED.index(tier_for(age))
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


@pytest.mark.parametrize("profile", PROFILES)
def test_the_older_the_photo_the_harder_its_encode(profile: Profile) -> None:
    for young, old in pairwise(PROFILES[profile]):
        for kind in ("quality", "floor"):
            assert getattr(young.jpeg, kind) > getattr(old.jpeg, kind)
        assert getattr(young.h264, "crf", 0) < getattr(old.h264, "crf", 0)


@pytest.mark.parametrize("names", list(pairwise(PROFILES)))
def test_a_profile_asks_for_more_quality_than_the_next(names: tuple[Profile, Profile]) -> None:
    for one, other in zip(*(PROFILES[name] for name in names), strict=True):
        assert getattr(one.jpeg, "floor", 0) > getattr(other.jpeg, "floor", 0)


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.HEIC, Kind.PNG, Kind.H264, Kind.HEVC])
def test_every_tier_of_the_default_does_something_for_the_common_kinds(kind: Kind) -> None:
    assert all(isinstance(plan(kind, tier), Encode) for tier in BALANCED)


def test_careful_leaves_what_is_small_already_to_the_heavy_tier_and_asks_more_of_it() -> None:
    _, medium, heavy = CAREFUL
    assert isinstance(plan(Kind.HEIC, medium), Leave)
    assert plan(Kind.HEIC, heavy) == Encode(Kind.HEIC, Still("x265", 50, 72))
    assert isinstance(plan(Kind.HEVC, medium), Leave)
    assert plan(Kind.HEVC, heavy) == Encode(Kind.HEVC, Film("x265", 28, 0.7, 90, 86))


@pytest.mark.parametrize(
    "kind",
    [Kind.RAW, Kind.GIF, Kind.BMP, Kind.WEBP, Kind.AVIF, Kind.OTHER_VIDEO, Kind.UNKNOWN],
)
def test_other_kinds_are_left_with_a_reason(kind: Kind) -> None:
    answer = plan(kind, HEAVY)
    assert isinstance(answer, Leave)
    assert str(kind) in answer.reason


def test_a_better_quality_follows_up_to_the_encoders_best() -> None:
    assert Still("jpegli", 75, 68).qualities == (75, 80, 85)
    assert Still("jpegli", 90, 80, tries=4).qualities == (90, 95)


def test_lower_qualities_end_at_the_lowest() -> None:
    assert Still("jpegli", 75, 68).lower_qualities == ()
    assert Still("jpegli", 75, 68, lowest=50).lower_qualities == (65, 55)


@pytest.mark.parametrize("tier", [*BALANCED, *CAREFUL, Tier("none", None)])
def test_a_tier_reaches_the_worker_as_it_was(tier: Tier) -> None:
    assert read_tier(json.loads(json.dumps(asdict(tier)))) == tier


OWN = """
- name: all
  max_age_days: null
  jpeg: {encoder: pillow, quality: 60, floor: 50, max_ratio: 0.8, tries: 1}
  heic: leave
  png: {level: 4}
"""


def own(text: str) -> tuple[Tier, ...]:
    return CompressorSettings.model_validate({"tiers": yaml.safe_load(text)}).chosen


def test_own_tiers_are_read_from_yaml() -> None:
    (tier,) = own(OWN)
    assert tier.jpeg == Still("pillow", 60, 50, max_ratio=0.8, tries=1)
    assert (tier.heic, tier.h264) == (None, None)
    assert tier.png is not None
    assert tier.png.level == 4


def test_a_tier_may_pack_a_jpeg_instead() -> None:
    before = "{encoder: pillow, quality: 60, floor: 50, max_ratio: 0.8, tries: 1}"
    (tier,) = own(OWN.replace(before, "{encoder: jxl, max_ratio: 0.9}"))
    assert plan(Kind.JPEG, tier) == Encode(Kind.JPEG, Reversible("jxl", 0.9))
    assert read_tier(json.loads(json.dumps(asdict(tier)))) == tier


def test_a_tier_may_order_smaller_webps_and_avifs() -> None:
    orders = "webp: {encoder: libwebp, quality: 80, floor: 72}\n  avif: {encoder: aom, quality: 65, floor: 72}"
    (tier,) = own(OWN.replace("heic: leave", orders))
    assert plan(Kind.WEBP, tier) == Encode(Kind.WEBP, Still("libwebp", 80, 72))
    assert plan(Kind.AVIF, tier) == Encode(Kind.AVIF, Still("aom", 65, 72))
    assert read_tier(json.loads(json.dumps(asdict(tier)))) == tier


def test_without_own_tiers_the_named_profile_counts() -> None:
    assert CompressorSettings().chosen is BALANCED
    assert CompressorSettings.model_validate({"profile": "careful"}).chosen is CAREFUL


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("quality: 60", "quality: 0", "quality must lie between 1 and 95, not be 0"),
        ("floor: 50", "floor: 101", "floor must lie between 0 and 100, not be 101"),
        ("max_ratio: 0.8", "max_ratio: 1", "max_ratio must lie between 0 and 1, not be 1"),
        ("tries: 1", "lowest: 70", "lowest must lie between 1 and quality, not be 70"),
        ("tries: 1", "tries: 0", "tries must lie between 1 and 10, not be 0"),
        ("level: 4", "level: 9", "level must lie between 0 and 6, not be 9"),
        ("encoder: pillow", "encoder: x265", "tier all: the encoder of jpeg is jpegli or pillow or jxl, not x265"),
        ("encoder: pillow", "encoder: jxl", "tier all: jpeg: there is no such setting as quality"),
        ("heic: leave", "heic: {encoder: jxl, quality: 50, floor: 70}", "tier all: the encoder of heic is x265, not jxl"),
        ("heic: leave", "webp: {encoder: aom, quality: 50, floor: 70}", "tier all: the encoder of webp is libwebp, not aom"),
        ("heic: leave", "avif: {encoder: libwebp, quality: 50, floor: 70}", "tier all: the encoder of avif is aom, not libwebp"),
        ("name: all", "name: ''", "a tier needs a name"),
        ("max_age_days: null", "max_age_days: 0", "tier all: max_age_days must be 1 or more"),
        ("max_age_days: null", "max_age_days: 9", "the last tier must have neither max_age_days nor where"),
        ("heic: leave", "heic: {encoder: x265, quality: 50}", "tier all: heic: floor is missing"),
        ("heic: leave", "heic: 50", "tier all: heic is `leave` or its settings in braces, not 50"),
        ("heic: leave", "jpg: leave", "tier all: there is no such setting as jpg"),
        ("level: 4", "levle: 4", "tier all: png: there is no such setting as levle"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_in_one_sentence(old: str, new: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        own(OWN.replace(old, new))
    (error,) = refused.value.errors()
    assert sentence in error["msg"]


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


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profiles_pass_their_own_check(profile: Profile) -> None:
    assert checked_tiers(PROFILES[profile]) is PROFILES[profile]
