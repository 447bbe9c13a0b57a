"""The deletion gate under anything at all: whatever it is given, a `Delete` means what was promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import assume, given, strategies as st

from shared.domain.gate import (
    AssetFacts,
    Delete,
    FreshRecord,
    MediaFacts,
    NasEvidence,
    Rules,
    Situation,
    may_delete,
)
from shared.domain.ids import GoogleLevel, Resource
from tests.unit.shared.gate_case import (
    DAY,
    FILES,
    HOUR,
    NOW,
    SECOND,
    Case,
    facts,
    forget,
    fresh,
    media,
    nas,
    one_copy,
    one_media,
)
from tests.unit.shared.gate_clauses import ALONE, Alone

if TYPE_CHECKING:
    from collections.abc import Callable


spans = st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=4000))
moments = st.one_of(
    st.just(NOW), st.sampled_from([HOUR, DAY, 20 * DAY]).map(NOW.__sub__), spans.map(NOW.__sub__)
)
flags = st.booleans()
maybe_text = st.sampled_from([None, None, None, "", "a problem"])
tags = st.sampled_from(["t1", "t1", "t2"])
zones = st.sampled_from(["PrimarySync", "PrimarySync", "SharedSync-1"])
albums = st.sampled_from([(), (), ("Family",), ("Family", "Best of")])
checksums = st.sampled_from(["c1", "c1", "c2"])
hashes = st.sampled_from(["a" * 64, "a" * 64, "b" * 64])
disks = st.sampled_from(["archive", "archive", "other"])
nas_evidence = st.builds(
    NasEvidence,
    sha256=hashes,
    verified_at=moments,
    archive=disks,
    file_system=disks,
    path=st.just("p"),
    grade=st.sampled_from(["cold", "weak", "", "unheard of"]),
)
some_media = st.builds(
    MediaFacts,
    media=st.integers(1, 9),
    resource=st.sampled_from(Resource),
    checksum=checksums,
    sha256=st.none() | hashes,
    readable=st.sampled_from([True, True, None, False]),
    compression_finished=flags,
    in_motion=flags,
    nas=st.none() | nas_evidence,
    google=st.sampled_from(GoogleLevel),
    google_objection=maybe_text,
    google_left_out=maybe_text,
)
whole_media = st.builds(
    lambda resource, level: replace(
        media(resource),
        checksum="c1",
        sha256="a" * 64,
        google=level,
        nas=replace(nas(resource), sha256="a" * 64, file_system="archive"),
    ),
    st.sampled_from(Resource),
    st.sampled_from(GoogleLevel),
)
some_facts = st.builds(
    AssetFacts,
    asset=st.sampled_from(["A", "A", "B"]),
    zone=zones,
    change_tag=tags,
    record=checksums,
    created=moments,
    pending_since=st.none() | moments,
    problem=maybe_text,
    vetoed=flags,
    approved=flags,
    media=st.lists(st.one_of(whole_media, whole_media, some_media), max_size=5).map(tuple),
)
some_fresh = st.builds(
    FreshRecord,
    asset=st.just("A"),
    zone=zones,
    change_tag=tags,
    fetched_at=moments,
    in_album=flags,
    deleted=flags,
    problem=maybe_text,
    resources=st.frozensets(st.tuples(st.sampled_from(FILES), checksums), max_size=3),
    albums_asked=albums,
    kept_by_albums=albums,
)
some_here = st.builds(
    Situation,
    now=st.just(NOW),
    frozen=maybe_text,
    listing_sane=flags,
    archive=st.none() | disks,
    file_system=st.none() | disks,
    claimed_run=st.integers(0, 300),
    claimed_day=st.integers(0, 300),
    library_size=st.integers(0, 10**6),
    window_open=flags,
    album_doubt=maybe_text,
)
some_rules = st.builds(
    Rules,
    enabled=flags,
    google_level=st.sampled_from(GoogleLevel),
    evidence_age=spans,
    record_age=spans,
    dwell=spans,
    minimum_age=spans,
    max_items_run=st.integers(-1, 10**6),
    max_items_day=st.integers(-1, 10**6),
    max_percent_day=st.floats(allow_nan=False),
    permit_for=spans,
    own_zone=zones,
    accept_weak_reads=flags,
    never_delete_albums=albums,
    without_google=flags,
)
near_rules = st.builds(
    Rules,
    enabled=st.just(True),
    google_level=st.sampled_from(GoogleLevel),
    evidence_age=st.sampled_from([timedelta(0), HOUR, DAY, 2 * DAY]),
    max_percent_day=st.just(100.0),
    accept_weak_reads=flags,
    without_google=flags,
)
right = Case()
NO_BRAKES = [one for one in ALONE if not one.code.startswith("brake")]
"""Brakes are numbers that a later change can lift; every other change holds when it comes last."""
near_media = st.builds(
    lambda m, level, age, sure, out: replace(
        m,
        google=level,
        google_left_out=out,
        nas=replace(nas(m.resource), verified_at=NOW - age, grade=sure),
    ),
    st.sampled_from(right.facts.media),
    st.sampled_from([GoogleLevel.CONFIRMED, *GoogleLevel]),
    st.sampled_from([timedelta(0), HOUR, DAY, 2 * DAY]),
    st.sampled_from(["cold", "cold", "weak"]),
    st.sampled_from([None, None, "google.send"]),
)
"""With `near_rules`: near enough to the right that `Delete` is met often, so that the properties are not empty."""


def check_a_deletion(case: Case) -> None:
    """Hold a `Delete` against the promise in its own words, not in the gate's."""
    held = {(m.resource, m.checksum): m for m in case.facts.media}
    needed = [*case.fresh.resources, *(key for key in held)]
    assert case.rules.enabled
    assert case.fresh.problem is None
    assert case.fresh.in_album
    assert not case.fresh.deleted
    assert not case.fresh.kept_by_albums
    assert set(case.rules.never_delete_albums) <= set(case.fresh.albums_asked)
    assert (Resource.RECORD, case.facts.record) in held
    assert case.fresh.zone == case.facts.zone == case.rules.own_zone
    assert (case.fresh.asset, case.fresh.change_tag) == (case.facts.asset, case.facts.change_tag)
    assert {Resource.ORIGINAL, Resource.RECORD} <= {m.resource for m in case.facts.media}
    for key in needed:
        assert_kept_twice(held[key], case)


def assert_kept_twice(one: MediaFacts, case: Case) -> None:
    assert one.sha256 is not None
    assert one.nas is not None
    assert one.nas.sha256 == one.sha256
    assert (one.nas.archive, one.nas.file_system) == (case.here.archive, case.here.file_system)
    assert one.nas.grade == "cold" or case.rules.accept_weak_reads
    assert case.here.now - case.rules.evidence_age <= one.nas.verified_at <= case.here.now
    assert not one.in_motion
    assert one.readable is not False
    left_out = one.google_left_out is not None and one.google is GoogleLevel.NONE
    if left_out and case.rules.without_google:
        assert one.google_objection is None
        assert case.here.album_doubt is None
    elif not one.resource.is_metadata:
        assert one.google_objection is None
        assert one.google.rank >= GoogleLevel.SETTLED.rank
        assert one.google.rank >= case.rules.google_level.rank


def weigh(case: Case) -> None:
    verdict = may_delete(case.facts, case.fresh, case.here, case.rules)
    if isinstance(verdict, Delete):
        check_a_deletion(case)
        assert len(verdict.evidence) == len(case.facts.media)
    else:
        assert verdict.reasons


@given(some_facts, some_fresh, some_here, some_rules)
def test_a_deletion_always_has_what_was_promised(
    facts: AssetFacts, fresh: FreshRecord, here: Situation, rules: Rules
) -> None:
    weigh(Case(facts, fresh, here, rules))


@given(st.lists(near_media, max_size=3), near_rules)
def test_a_deletion_near_the_edge_has_what_was_promised(
    some: list[MediaFacts], rules: Rules
) -> None:
    files = {one.resource: one for one in (*right.facts.media, *some)}
    weigh(replace(right, facts=replace(right.facts, media=tuple(files.values())), rules=rules))


@given(some_media, near_rules, st.integers(0, len(Resource) - 1))
def test_one_strange_file_among_good_ones(one: MediaFacts, rules: Rules, place: int) -> None:
    files = list(right.facts.media)
    files[place] = replace(one, resource=files[place].resource, checksum=files[place].checksum)
    weigh(replace(right, facts=replace(right.facts, media=tuple(files)), rules=rules))


@given(st.lists(st.sampled_from(NO_BRAKES), min_size=1, max_size=4))
def test_two_wrongs_never_make_a_right(changes: list[Alone]) -> None:
    gone = {"no original", "no record"}  # that file is gone for the changes after it
    assume(all(one.name not in gone for one in changes[:-1]))
    # It lets what was never sent go without Google, which is right for a change after it that takes the copy away.
    assume(not any(one.name.startswith("sent before the setting") for one in changes[:-1]))
    case = right
    for one in changes:
        case = one.change(case)
    assert case.codes() >= {changes[-1].code}


@given(
    some_rules,
    st.sampled_from(Resource),
    st.sampled_from(
        [
            ("nas", lambda r: one_media(r, nas=None)),
            ("nas-hash", lambda r: one_copy(r, sha256="f" * 64)),
            ("nas-other", lambda r: one_copy(r, archive="other")),
            ("nas-other", lambda r: one_copy(r, file_system="clone")),
            ("nas-stale", lambda r: one_copy(r, verified_at=NOW + SECOND)),
        ]
    ),
)
def test_no_setting_does_without_the_copy_on_the_nas(
    rules: Rules,
    resource: Resource,
    broken: tuple[str, Callable[[Resource], Callable[[Case], Case]]],
) -> None:
    code, make = broken
    case = make(resource)(facts(approved=True)(Case()))
    assert code in replace(case, rules=rules).codes()


@given(some_rules, st.sampled_from(FILES), st.text(min_size=1))
def test_an_unknown_resource_or_any_problem_always_keeps(
    rules: Rules, resource: Resource, text: str
) -> None:
    approved = replace(facts(approved=True)(Case()), rules=rules)
    assert "unarchived" in forget(resource)(approved).codes()
    assert "record" in fresh(problem=text)(approved).codes()
    assert "problem" in facts(problem=text)(approved).codes()
