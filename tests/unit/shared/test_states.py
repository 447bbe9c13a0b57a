"""The table of legal moves has no dead ends nobody meant, and one single way to a deletion."""

from __future__ import annotations

import ast
from itertools import pairwise, product
from pathlib import Path

import pytest

from shared.domain.errors import IllegalMove, Permanent
from shared.domain.ids import GoogleLevel
from shared.domain.states import MOVES, check_move

STATE_SERVICE = Path(__file__).parents[3] / "services/state"
MACHINES = list(MOVES)


def before(machine: str, state: str) -> set[str]:
    """Return the states from which one step leads to `state`."""
    return {old for old, news in MOVES[machine].items() if state in news}


def reachable(machine: str) -> set[str]:
    found, new = set[str](), {""}
    while new:
        found |= new
        new = {state for old in new for state in MOVES[machine][old]} - found
    return found


def written_moves() -> list[tuple[str, str, str]]:
    """Return (file, machine, new state) of each `books.move` with a literal target in the state service."""
    return [
        (path.name, str(machine.value), str(new.value))
        for path in STATE_SERVICE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "move"
        for machine, new in [call.args[1:3]]
        if isinstance(machine, ast.Constant) and isinstance(new, ast.Constant)
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_known_and_can_be_reached(machine: str) -> None:
    moves = MOVES[machine]
    assert {new for news in moves.values() for new in news} <= set(moves)
    assert reachable(machine) == set(moves)
    assert all(len(set(news)) == len(news) for news in moves.values())


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_returns_to_before_its_beginning_or_moves_onto_itself(machine: str) -> None:
    assert before(machine, "") == set()
    assert not [state for state, news in MOVES[machine].items() if state in news]


def test_deleted_is_reached_through_intent_alone() -> None:
    assert before("removal", "deleted") == {"intent"}
    assert before("removal", "intent") == {"pending"}
    assert before("removal", "purged") == {"deleted"}


def test_a_veto_leads_nowhere_near_a_deletion() -> None:
    assert MOVES["removal"]["vetoed"] == ("none",)


def test_local_files_are_purged_from_the_quarantine_alone() -> None:
    assert before("local", "purged") == {"delete_pending"}


def test_googles_evidence_climbs_one_step_at_a_time() -> None:
    ladder = [level.value for level in GoogleLevel]
    for lower, higher in pairwise(ladder[:-1]):
        assert {old for old in before("google", higher) if old in ladder} == {lower}
    assert set(ladder) <= set(MOVES["google"])


def test_what_is_suspect_or_refused_starts_over_or_is_proven_by_the_takeout() -> None:
    assert MOVES["google"]["refused"] == ("none", "takeout")
    assert MOVES["google"]["suspect"] == ("none", "confirmed", "takeout")


def test_a_mismatch_is_never_simply_verified_again() -> None:
    assert "mismatch" not in before("nas", "verified")


@pytest.mark.parametrize("machine", MACHINES)
def test_the_check_is_the_table(machine: str) -> None:
    for old, new in product(MOVES[machine], MOVES[machine]):
        if new in MOVES[machine][old]:
            check_move(machine, old, new)
        else:
            with pytest.raises(IllegalMove, match=f"{machine} cannot go"):
                check_move(machine, old, new)
    with pytest.raises(IllegalMove):
        check_move(machine, "unheard of", "none")


def test_an_illegal_move_is_permanent() -> None:
    assert issubclass(IllegalMove, Permanent)


def test_the_code_moves_only_to_states_that_exist() -> None:
    moves = written_moves()
    assert len(moves) > 10
    assert [move for move in moves if move[2] not in MOVES[move[1]]] == []


def test_only_the_claims_transaction_writes_intent() -> None:
    assert [move for move in written_moves() if move[1:] == ("removal", "intent")] == [
        ("claims.py", "removal", "intent")
    ]
