"""Originals leave the archive no faster than photos leave iCloud: the same brakes, counted apart, whatever asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from services.state import schema
from services.state.database import open_database
from services.state.figures import count
from shared.domain import questions, work_items
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.release import Keeping
from tests.contracts.books_world import World, seen
from tests.contracts.test_state_choices import restarted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ON = Rules(enabled=True, google_level=GoogleLevel.FREED, max_percent_day=100)
NAMES = tuple("ABCDE")


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone, for rules that are not said in SQL."""
    opened = open_database(f"sqlite:///{tmp_path}/media.db")
    yield opened
    opened.dispose()


def long_deleted(engine: Engine, brakes: Rules) -> World:
    """Assets of two files each that left iCloud long ago; now the person lets their originals leave the archive, under brakes."""
    world = World(engine, ON)
    files = {name: (("original", f"c-{name}"), ("edited", f"e-{name}")) for name in NAMES}
    world.look(*(seen(name, f"{name}.JPG", resources=files[name]) for name in NAMES))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.CONFIRMED):
        world.google(level)
    for days in (0, 15, 8, 50):
        pass_by(world, days * DAY)
    assert world.deleted == set(NAMES)
    world.rules = brakes
    return restarted(world, keeping=Keeping(40 * DAY))


def pass_by(world: World, span: timedelta) -> None:
    world.clock.pass_by(span)
    world.wake()
    world.work_off()


def released(world: World) -> list[int]:
    """How many files have lost their original, by asset."""
    query = select(func.count()).where(schema.media.c.nas == "released")
    with world.engine.connect() as connection:
        found = connection.execute(query.group_by(schema.media.c.asset_id))
        return list(found.scalars())


def test_so_many_a_run_and_a_day_and_the_rest_waits_its_turn(engine: Engine) -> None:
    world = long_deleted(engine, replace(ON, max_items_run=2, max_items_day=3))
    world.work_off()
    assert released(world) == [2, 2], "of two photos both files: a photo is one item"
    pass_by(world, HOUR / 2)
    assert released(world) == [2, 2]
    pass_by(world, HOUR)
    assert released(world) == [2, 2, 2]
    pass_by(world, 5 * HOUR)
    assert released(world) == [2, 2, 2]
    pass_by(world, DAY)
    assert len(released(world)) == 5
    with world.engine.connect() as connection:
        ends = select(schema.permit.c.outcome).where(schema.permit.c.media_id.is_not(None))
        assert list(connection.execute(ends).scalars()) == ["released"] * 10
        assert count(connection, world.clock.now()).permits["deleted"] == 5, "of iCloud alone"


@pytest.mark.parametrize(("percent", "at_once"), [(0, 0), (1, 1), (40, 2), (100, 5)])
def test_no_more_than_a_share_of_the_library_a_day_and_one_at_least_unless_none_may(
    lite: Engine, percent: float, at_once: int
) -> None:
    world = long_deleted(lite, replace(ON, max_percent_day=percent))
    assert len(released(world)) == at_once
    pass_by(world, DAY + HOUR)
    assert len(released(world)) == min(5, 2 * at_once)


def test_a_limit_of_none_lets_none_leave_and_deletions_are_counted_apart(lite: Engine) -> None:
    world = long_deleted(lite, replace(ON, max_items_run=0))
    pass_by(world, DAY)
    assert released(world) == []
    assert not [one for one in world.done if one.startswith("release:")], "it was wished in vain"
    with world.store.transaction(world.clock.now()) as transaction:
        here = world.truth.situations.plain(transaction)
        assert world.truth.situations.braked(transaction, here).claimed_day == 0


def test_orders_that_nobody_has_answered_yet_count_too(lite: Engine) -> None:
    world = long_deleted(lite, replace(ON, max_items_run=0))
    object.__setattr__(world.policy, "deletion", replace(ON, max_items_run=2))
    ordered: set[str] = set()
    for _ in range(3):
        world.clock.pass_by(HOUR)
        world.wake()
        world.work_off(without=("release",))
        ordered |= {due.message_id for due in world.due}
    assert len(ordered) == 4, "both files of two photos"


def test_the_claim_counts_again_whatever_was_ordered(engine: Engine) -> None:
    world = long_deleted(engine, replace(ON, max_items_run=0))
    object.__setattr__(world.policy, "deletion", ON)
    world.clock.pass_by(HOUR)
    world.wake()
    world.work_off(without=("release",))
    object.__setattr__(world.policy, "deletion", replace(ON, max_items_run=1))
    orders = [work_items.RenditionWork.model_validate_json(due.body) for due in world.due]
    answers = {(one.asset, one.key): claim(world, one) for one in orders}
    allowed = {asset for (asset, _), answer in answers.items() if answer.deadline is not None}
    assert len(answers) == 10
    assert len(allowed) == 1
    assert all("max_items_run" in a.reasons[0] for a in answers.values() if a.deadline is None)
    again = [claim(world, one) for one in orders if one.asset in allowed]
    assert all(one.deadline is not None for one in again), "who died with a permit asks once more"
    with engine.connect() as connection:
        ends = select(schema.permit.c.outcome).where(schema.permit.c.media_id.is_not(None))
        found = list(connection.execute(ends).scalars())
    assert found.count("open") == 2, "the last one of each file"
    assert found.count("lapsed unused") == len(found) - 2 > 0


def claim(world: World, work: work_items.RenditionWork) -> Any:
    asked = questions.ClaimRelease(asset=work.asset, media=work.key, attempt=work.attempt)
    return world.claims.release(asked)
