"""The deletion gate: each clause alone keeps the asset, and nothing that is asked for can be switched off."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.domain import gate
from shared.domain.gate import Delete, Keep, Reason, Rules, may_delete
from shared.domain.ids import GoogleLevel, Resource
from tests.unit.shared.gate_case import (
    DAY,
    FILES,
    NOW,
    Case,
    facts,
    fresh,
    here,
    nas,
    one_copy,
    one_media,
    rules,
    weak_google,
)
from tests.unit.shared.gate_clauses import ALONE, NOT_SENT, Alone, left_out

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_asset_that_meets_every_clause_may_go_and_the_evidence_is_named() -> None:
    case = Case()
    verdict = may_delete(case.facts, case.fresh, case.here, case.rules)
    assert verdict == Delete(tuple(nas(resource) for resource in Resource))


@pytest.mark.parametrize("one", ALONE, ids=lambda one: f"{one.code}: {one.name}")
def test_each_clause_alone_keeps_the_asset(one: Alone) -> None:
    assert one.change(Case()).codes() == {one.code}


@pytest.mark.parametrize(
    "change",
    [
        fresh(fetched_at=NOW - timedelta(minutes=5)),
        fresh(fetched_at=NOW + timedelta(minutes=5)),
        facts(created=NOW - 30 * DAY),
        facts(pending_since=NOW - 14 * DAY),
        one_copy(Resource.LIVE, verified_at=NOW - DAY),
        one_copy(Resource.LIVE, verified_at=NOW),
        one_copy(Resource.LIVE, grade="weak"),
        one_media(Resource.ALTERNATE, readable=None),
        here(claimed_run=99),
        here(claimed_day=19),
    ],
)
def test_what_is_just_within_its_limit_may_go(change: Callable[[Case], Case]) -> None:
    assert change(Case()).codes() == set()


@pytest.mark.parametrize("resource", FILES)
def test_what_is_left_out_may_go_on_its_nas_copy_alone_where_the_person_says_so(
    resource: Resource,
) -> None:
    alone = rules(without_google=True)(left_out(resource)(Case()))
    assert alone.codes() == set()
    assert one_media(resource, **NOT_SENT, nas=None)(alone).codes() == {"nas"}
    stale = one_media(resource, **NOT_SENT, nas=replace(nas(resource), verified_at=NOW - 2 * DAY))
    assert stale(alone).codes() == {"nas-stale"}


def test_an_album_that_protects_is_asked_for_by_name() -> None:
    both = rules(never_delete_albums=("Family", "Best of"))(Case())
    assert fresh(albums_asked=("Family",))(both).codes() == {"unasked"}
    assert fresh(albums_asked=("Best of", "Family", "more"))(both).codes() == set()


@pytest.mark.parametrize("resource", list(Resource))
def test_a_file_that_was_never_downloaded_keeps_the_asset(resource: Resource) -> None:
    assert one_media(resource, sha256=None)(Case()).codes() == {"download", "nas-hash"}
    assert one_media(resource, sha256=None, nas=None)(Case()).codes() == {"download", "nas"}


def test_an_archive_that_is_missing_proves_nothing() -> None:
    assert here(archive=None, file_system=None)(Case()).codes() == {"nas-other"}


def test_every_objection_of_the_gate_is_tried_above() -> None:
    written = {
        str(call.args[0].value)
        for call in ast.walk(ast.parse(inspect.getsource(gate)))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == Reason.__name__
        and isinstance(call.args[0], ast.Constant)
    }
    assert written == {one.code for one in ALONE} | {"download"}


@pytest.mark.parametrize(
    "change",
    [
        here(claimed_run=100),
        here(claimed_day=200),
        here(library_size=1),
        here(library_size=0),
    ],
)
def test_an_approval_of_the_very_asset_lifts_the_brakes(change: Callable[[Case], Case]) -> None:
    assert change(Case()).codes() <= {"brake-items", "brake-percent"}
    assert change(Case()).codes()
    assert facts(approved=True)(change(Case())).codes() == set()


@pytest.mark.parametrize(
    "one",
    [one for one in ALONE if not one.code.startswith("brake")],
    ids=lambda one: f"{one.code}: {one.name}",
)
def test_an_approval_lifts_nothing_but_the_brakes(one: Alone) -> None:
    assert facts(approved=True)(one.change(Case())).codes() == {one.code}


@pytest.mark.parametrize("wanted", list(GoogleLevel))
@pytest.mark.parametrize("level", list(GoogleLevel))
def test_google_has_to_reach_the_level_and_settled_at_least(
    wanted: GoogleLevel, level: GoogleLevel
) -> None:
    enough = level.rank >= wanted.rank and level.rank >= GoogleLevel.SETTLED.rank
    others = Case()
    for resource in FILES:
        others = one_media(resource, google=GoogleLevel.TAKEOUT)(others)
    assert weak_google(level, wanted)(others).codes() == (set() if enough else {"google"})


def test_only_the_persons_own_sign_is_a_veto() -> None:
    vetoes = [
        one.name
        for one in ALONE
        if Keep(tuple(Reason(c, "") for c in one.change(Case()).codes())).veto
    ]
    assert vetoes == ["taken out of the album", "vetoed before"]


def test_the_rules_have_no_number_of_copies() -> None:
    assert not [f.name for f in fields(Rules) if "nas" in f.name or "copies" in f.name]


def test_spans_are_said_for_people() -> None:
    assert gate.days(14 * DAY) == "14 days"
    assert gate.days(timedelta(seconds=3)) == "3 seconds"
