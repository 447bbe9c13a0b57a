"""An original leaves the archive only when everything that is promised holds, and never by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from shared.domain.gate import Rules, Situation
from shared.domain.ids import GoogleLevel, Resource
from shared.domain.release import Keeping, Retired, may_release
from tests.unit.shared.gate_case import DAY, HOUR, NOW, media, nas

HERE = Situation(
    now=NOW, frozen=None, listing_sane=True, archive="archive", file_system="disk",
    claimed_run=0, claimed_day=0, library_size=1000,
)  # fmt: skip
KEEP = Keeping(40 * DAY)
FILE = media(Resource.ORIGINAL)
DUE = Retired(FILE, "purged", NOW - 41 * DAY, has_rendition=True)


def codes(
    one: Retired = DUE, here: Situation = HERE, keeping: Keeping = KEEP, rules: Rules | None = None
) -> set[str]:
    return {reason.code for reason in may_release(one, here, keeping, rules or Rules())}


def test_it_may_go_when_all_holds_and_never_by_default() -> None:
    assert codes() == set()
    assert codes(keeping=Keeping()) == {"keep"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"removal": "pending"}, "not-deleted"),
        ({"removal": "restored"}, "not-deleted"),
        ({"deleted_at": None}, "not-deleted"),
        ({"deleted_at": NOW - 39 * DAY}, "early"),
        ({"deleted_at": NOW + DAY}, "early"),
        ({"has_rendition": False}, "rendition"),
        ({"media": replace(FILE, in_motion=True)}, "rendition"),
        ({"media": replace(FILE, readable=None)}, "unreadable"),
        ({"media": replace(FILE, google=GoogleLevel.FREED)}, "google"),
        ({"media": replace(FILE, google=GoogleLevel.NONE)}, "google"),
        ({"media": replace(FILE, google_objection="refused")}, "google"),
        ({"media": replace(FILE, nas=None)}, "nas"),
        ({"media": replace(FILE, sha256="b" * 64)}, "nas-hash"),
        ({"media": replace(FILE, nas=replace(nas(Resource.ORIGINAL), verified_at=NOW - 2 * DAY))}, "nas-stale"),
        ({"media": replace(FILE, nas=replace(nas(Resource.ORIGINAL), archive="other"))}, "nas-other"),
    ],
)  # fmt: skip
def test_each_thing_that_is_lacking_is_a_reason(changes: dict[str, Any], code: str) -> None:
    assert codes(replace(DUE, **changes)) == {code}


def test_a_freeze_and_a_missing_archive_keep_it() -> None:
    assert codes(here=replace(HERE, frozen="a person looks")) == {"frozen"}
    assert codes(here=replace(HERE, archive=None)) == {"nas-other"}
    assert codes(here=replace(HERE, listing_sane=False)) == {"listing"}, "it may be back in iCloud"


@pytest.mark.parametrize(
    ("run", "day", "size", "code"),
    [
        (99, 199, 20_000, None),
        (100, 100, 20_000, "brake-items"),
        (0, 200, 20_000, "brake-items"),
        (0, 20, 1_000, "brake-percent"),
        (0, 19, 1_000, None),
        (0, 0, 3, None),
        (0, 1, 3, "brake-percent"),
    ],
)
def test_the_brakes_of_deletions_hold_for_it_too(
    run: int, day: int, size: int, code: str | None
) -> None:
    here = replace(HERE, released_run=run, released_day=day, library_size=size)
    assert codes(here=here) == ({code} if code else set())


def test_takeout_can_be_asked_for_and_less_than_confirmed_cannot() -> None:
    assert codes(keeping=replace(KEEP, until=GoogleLevel.TAKEOUT)) == {"google"}
    seen = replace(DUE, media=replace(FILE, google=GoogleLevel.FREED))
    assert codes(seen, keeping=replace(KEEP, until=GoogleLevel.NONE)) == {"google"}


@given(
    st.builds(
        Retired,
        st.builds(
            replace,
            st.just(FILE),
            readable=st.sampled_from([True, True, None, False]),
            google=st.sampled_from(GoogleLevel),
            google_objection=st.sampled_from([None, None, "refused"]),
            in_motion=st.booleans(),
            nas=st.none() | st.builds(replace, st.just(nas(Resource.ORIGINAL)), verified_at=st.sampled_from([NOW, NOW - HOUR, NOW - 3 * DAY])),
        ),
        st.sampled_from(["none", "pending", "deleted", "purged", "restored"]),
        st.none() | st.sampled_from([NOW, NOW - 35 * DAY, NOW - 41 * DAY]),
        st.booleans(),
    ),
    st.sampled_from([None, timedelta(days=31), timedelta(days=40)]),
    st.sampled_from(GoogleLevel),
)  # fmt: skip
def test_whatever_is_given_what_may_go_has_another_copy_and_a_rendition(
    one: Retired, after: timedelta | None, until: GoogleLevel
) -> None:
    if may_release(one, HERE, Keeping(after, until), Rules()):
        return
    assert after is not None
    assert one.deleted_at is not None
    assert NOW - one.deleted_at >= after
    assert one.removal in {"deleted", "purged"}
    assert one.has_rendition
    assert one.media.readable
    assert one.media.google.rank >= GoogleLevel.CONFIRMED.rank
    assert one.media.nas is not None
    assert one.media.nas.sha256 == one.media.sha256
