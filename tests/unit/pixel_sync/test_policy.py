"""The rules of evidence: no level is skipped, and what proves nothing never advances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.pixel_sync.policy import (
    Accepted,
    Advance,
    Known,
    Refused,
    Rules,
    Sight,
    Stay,
    Suspect,
    evidence,
    google_accepts,
)
from services.pixel_sync.ports import ChangedOnPhone, Freed, Held, Holding, Lack, NotYet
from shared.domain.ids import GoogleLevel

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = Rules(settle_for=timedelta(days=7))
LEVELS = [GoogleLevel.STAGED, GoogleLevel.ARRIVED, GoogleLevel.SETTLED, GoogleLevel.FREED]

moments = st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda after: START + after)
holdings: st.SearchStrategy[Holding] = st.one_of(
    st.just(Held()),
    st.sampled_from(Lack).map(NotYet),
    moments.map(Freed),
    st.just(ChangedOnPhone()),
)
sights = st.builds(
    Sight,
    holding=holdings,
    phone_seen_at=st.none() | moments,
    freed=st.integers(0, 50),
    window=st.integers(0, 50),
)
knowns = st.builds(Known, level=st.sampled_from(GoogleLevel), since=moments, suspect=st.booleans())
rules = st.builds(
    Rules,
    settle_for=st.timedeltas(timedelta(0), timedelta(days=30)),
    mass_share=st.floats(0.5, 1.0),
    mass_from=st.integers(1, 20),
)


@given(knowns, sights, rules)
def test_evidence_climbs_one_level_at_a_time(known: Known, sight: Sight, told: Rules) -> None:
    step = evidence(known, sight, told)
    if isinstance(step, Advance):
        expected = {
            GoogleLevel.NONE: GoogleLevel.ARRIVED,
            GoogleLevel.STAGED: GoogleLevel.ARRIVED,
            GoogleLevel.ARRIVED: GoogleLevel.SETTLED,
            GoogleLevel.SETTLED: GoogleLevel.FREED,
        }
        assert step.level is expected[known.level]


@given(knowns, sights, rules)
def test_only_a_deletion_by_the_phone_frees(known: Known, sight: Sight, told: Rules) -> None:
    if evidence(known, sight, told) == Advance(GoogleLevel.FREED):
        assert isinstance(sight.holding, Freed)
        assert known.level is GoogleLevel.SETTLED
        assert sight.freed < sight.window or sight.window < told.mass_from


@given(knowns, sights, rules)
def test_settling_needs_the_phone_online_late_enough(
    known: Known, sight: Sight, told: Rules
) -> None:
    if evidence(known, sight, told) == Advance(GoogleLevel.SETTLED):
        assert isinstance(sight.holding, Held)
        assert sight.phone_seen_at is not None
        assert sight.phone_seen_at >= known.since + told.settle_for


@given(moments, sights, rules, st.sampled_from([GoogleLevel.STAGED, GoogleLevel.ARRIVED]))
def test_a_deletion_before_settling_is_suspect(
    at: datetime, sight: Sight, told: Rules, level: GoogleLevel
) -> None:
    gone = Sight(Freed(at), sight.phone_seen_at, sight.freed, sight.window)
    assert isinstance(evidence(Known(level, at), gone, told), Suspect)


@given(moments, st.integers(1, 500), rules)
def test_a_deletion_of_everything_is_suspect(at: datetime, window: int, told: Rules) -> None:
    everything = Sight(Freed(at), at, freed=window, window=window)
    step = evidence(Known(GoogleLevel.SETTLED, START), everything, told)
    assert isinstance(step, Suspect) is (window >= told.mass_from)


@given(knowns, sights, rules)
def test_the_suspect_and_the_proven_wait_for_a_person(
    known: Known, sight: Sight, told: Rules
) -> None:
    if known.suspect or known.level.rank >= GoogleLevel.FREED.rank:
        assert evidence(known, sight, told) == Stay()


def test_the_usual_life_of_a_file() -> None:
    known = Known(GoogleLevel.STAGED, START)
    arrived = Sight(Held(), START)
    assert evidence(known, arrived, WEEK) == Advance(GoogleLevel.ARRIVED)
    known = Known(GoogleLevel.ARRIVED, START)
    assert evidence(known, Sight(Held(), START + timedelta(days=6)), WEEK) == Stay()
    later = Sight(Held(), START + timedelta(days=7))
    assert evidence(known, later, WEEK) == Advance(GoogleLevel.SETTLED)
    known = Known(GoogleLevel.SETTLED, START + timedelta(days=7))
    freed = Sight(Freed(START), START, freed=9, window=10)
    assert evidence(known, freed, WEEK) == Advance(GoogleLevel.FREED)


def test_a_phone_in_a_drawer_settles_nothing() -> None:
    known = Known(GoogleLevel.ARRIVED, START)
    assert evidence(known, Sight(Held(), None), WEEK) == Stay()
    offline = Sight(NotYet(Lack.NOT_ON_PHONE), START + timedelta(days=30))
    assert evidence(known, offline, WEEK) == Stay()


@pytest.mark.parametrize("level", LEVELS[:3])
def test_an_edit_on_the_phone_is_suspect(level: GoogleLevel) -> None:
    step = evidence(Known(level, START), Sight(ChangedOnPhone(), START), WEEK)
    assert isinstance(step, Suspect)


@pytest.mark.parametrize(
    ("name", "size", "sides"),
    [
        ("IMG_1.HEIC", 3_000_000, (4032, 3024)),
        ("IMG_1.jpg", 200_000_000, (256, 256)),
        ("IMG_1.DNG", 70_000_000, (None, None)),
        ("IMG_1.MOV", 10_000_000_000, (128, 128)),
        ("a.b.mp4", 201_000_000, (None, None)),
    ],
)
def test_accepted(name: str, size: int, sides: tuple[int | None, int | None]) -> None:
    assert google_accepts(name, size, *sides) == Accepted()


@pytest.mark.parametrize(
    ("name", "size", "sides", "words"),
    [
        ("IMG_1.AAE", 900, (None, None), "aae"),
        ("scan.TIFF", 900, (4000, 3000), "tiff"),
        ("IMG_1", 900, (None, None), "ending"),
        ("IMG_1.jpg", 0, (None, None), "empty"),
        ("IMG_1.jpg", 200_000_001, (4000, 3000), "200 MB"),
        ("IMG_1.png", 900, (255, 3000), "256"),
        ("IMG_1.png", 900, (20_001, 10_000), "megapixels"),
        ("IMG_1.mov", 10_000_000_001, (None, None), "10 GB"),
    ],
)
def test_refused(name: str, size: int, sides: tuple[int | None, int | None], words: str) -> None:
    answer = google_accepts(name, size, *sides)
    assert isinstance(answer, Refused)
    assert words in answer.reason
