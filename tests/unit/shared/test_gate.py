"""The deletion gate: each clause alone keeps the asset, and nothing that is asked for can be switched off."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
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
    SECOND,
    Case,
    facts,
    forget,
    fresh,
    here,
    nas,
    one_copy,
    one_media,
    rules,
    weak_google,
    weak_refused,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OF_THE_ASSET: list[tuple[str, str, Callable[[Case], Case]]] = [
    ("off", "deletion is off", rules(enabled=False)),
    ("frozen", "a freeze", here(frozen="a mismatch")),
    ("frozen", "a freeze for a reason without words", here(frozen="")),
    ("listing", "a failed or shrunken listing", here(listing_sane=False)),
    ("window", "outside the hours", here(window_open=False)),
    ("brake-items", "the run is full", here(claimed_run=100)),
    ("brake-items", "the day is full", here(claimed_day=200, library_size=10**6)),
    ("brake-percent", "the share of the day is reached", here(claimed_day=20)),
    ("brake-percent", "a library of which one asset is too much", here(library_size=49)),
    ("identity", "another record", fresh(asset="B")),
    ("record", "iCloud's error, or an unknown kind of resource", fresh(problem="resJXLRes")),
    ("gone", "deleted already", fresh(deleted=True)),
    ("veto", "taken out of the album", fresh(in_album=False)),
    ("veto", "vetoed before", facts(vetoed=True)),
    ("zone", "a shared library", fresh(zone="SharedSync-1")),
    ("zone", "archived from a shared library", facts(zone="SharedSync-1")),
    ("stale", "an old look", fresh(fetched_at=NOW - timedelta(minutes=5) - SECOND)),
    ("stale", "a look from the future", fresh(fetched_at=NOW + timedelta(minutes=5) + SECOND)),
    ("changed", "changed in iCloud since", fresh(change_tag="t2")),
    ("unarchived", "a newer edit", fresh(resources=frozenset({(Resource.EDITED, "other")}))),
    ("no-original", "no original", without(Resource.ORIGINAL)),
    ("no-record", "no record", without(Resource.RECORD)),
    ("problem", "a problem seen in the listing", facts(problem="an unknown resource")),
    ("young", "younger than allowed", facts(created=NOW - 30 * DAY + SECOND)),
    ("young", "created in the future", facts(created=NOW + DAY)),
    ("not-pending", "never in the album", facts(pending_since=None)),
    ("dwell", "not long enough in the album", facts(pending_since=NOW - 14 * DAY + SECOND)),
    ("dwell", "in the album from tomorrow on", facts(pending_since=NOW + DAY)),
]
OF_EACH_FILE: list[tuple[str, str, Callable[[Resource], Callable[[Case], Case]]]] = [
    ("unreadable", "unreadable", lambda r: one_media(r, readable=False)),
    ("in-motion", "a copy in motion", lambda r: one_media(r, in_motion=True)),
    ("compression", "not compressed yet", lambda r: one_media(r, compression_finished=False)),
    ("nas", "no NAS copy", lambda r: one_media(r, nas=None)),
    ("nas-hash", "other bytes", lambda r: one_copy(r, sha256="f" * 64)),
    ("nas-other", "another archive", lambda r: one_copy(r, archive="other")),
    ("nas-other", "another disk", lambda r: one_copy(r, file_system="clone")),
    ("nas-weak", "a weak read where those do not count", weak_refused),
    ("nas-stale", "an old read", lambda r: one_copy(r, verified_at=NOW - DAY - SECOND)),
    ("nas-stale", "a read in the future", lambda r: one_copy(r, verified_at=NOW + SECOND)),
]
OF_EACH_PHOTO: list[tuple[str, str, Callable[[Resource], Callable[[Case], Case]]]] = [
    ("google", "refused by Google", lambda r: one_media(r, google_objection="refused")),
    ("google", "an objection without words", lambda r: one_media(r, google_objection="")),
    ("google", "nothing at Google", lambda r: one_media(r, google=GoogleLevel.NONE)),
    ("google", "below the level", lambda r: one_media(r, google=GoogleLevel.FREED)),
    ("unarchived", "not archived", lambda r: forget(r)),
]


ALONE = [
    *(pytest.param(code, change, id=f"{code}: {name}") for code, name, change in OF_THE_ASSET),
    *(
        pytest.param(code, make(resource), id=f"{code}: {name} ({resource})")
        for code, name, make in OF_EACH_FILE
        for resource in Resource
    ),
    *(
        pytest.param(code, make(resource), id=f"{code}: {name} ({resource})")
        for code, name, make in OF_EACH_PHOTO
        for resource in FILES
    ),
]


def test_an_asset_that_meets_every_clause_may_go_and_the_evidence_is_named() -> None:
    case = Case()
    verdict = may_delete(case.facts, case.fresh, case.here, case.rules)
    assert verdict == Delete(tuple(nas(resource) for resource in Resource))


@pytest.mark.parametrize(("code", "change"), ALONE)
def test_each_clause_alone_keeps_the_asset(code: str, change: Callable[[Case], Case]) -> None:
    assert change(Case()).codes() == {code}


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
    assert written == {str(param.values[0]) for param in ALONE} | {"download"}


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
    ("code", "change"), [param for param in ALONE if not str(param.values[0]).startswith("brake")]
)
def test_an_approval_lifts_nothing_but_the_brakes(
    code: str, change: Callable[[Case], Case]
) -> None:
    assert facts(approved=True)(change(Case())).codes() == {code}


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
        str(param.id)
        for param in ALONE
        if Keep(tuple(Reason(code, "") for code in param.values[1](Case()).codes())).veto  # type: ignore[operator]
    ]
    assert vetoes == ["veto: taken out of the album", "veto: vetoed before"]


def test_the_rules_have_no_number_of_copies() -> None:
    assert not [f.name for f in fields(Rules) if "nas" in f.name or "copies" in f.name]


def test_spans_are_said_for_people() -> None:
    assert gate.days(14 * DAY) == "14 days"
    assert gate.days(timedelta(seconds=3)) == "3 seconds"
