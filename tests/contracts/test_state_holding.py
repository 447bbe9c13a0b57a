"""What a freeze, a brake or a closed window holds is looked at seldom, and at once when that ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from services.state import schema
from services.state.orders import Orders
from shared.domain import questions
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BRAKED = Rules(enabled=True, google_level=GoogleLevel.FREED, max_percent_day=100, max_items_run=1)


@pytest.fixture
def waiting(engine: Engine) -> World:
    """Two photos in the album, fifteen minutes before their dwell ends."""
    world = World(engine, BRAKED)
    world.look(seen("A", "a.JPG"), seen("B", "b.JPG"))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    world.clock.pass_by(14 * DAY - 15 * MINUTE)
    world.look()
    return world


def wakes_at(world: World) -> datetime:
    """When the one photo that is still in iCloud is looked at again."""
    query = select(schema.asset.c.wake_at).where(schema.asset.c.removal == "pending")
    with world.engine.connect() as connection:
        at: datetime = min(connection.execute(query).scalars())
    return at


def looks(world: World, span: timedelta) -> list[timedelta]:
    """Let the time pass and return after which times it was looked at, as seldom as that is."""
    world.tick()
    world.work_off()
    ends, between = world.clock.now() + span, []
    while (at := wakes_at(world)) < ends:
        between.append(at - world.clock.now())
        world.clock.pass_by(between[-1])
        world.tick()
        world.work_off()
    return between


def freeze(world: World) -> None:
    world.truth.freeze("bit rot")


def unfreeze(world: World) -> None:
    Orders(world.store, world.clock).unfreeze(questions.Order())


def close(world: World) -> None:
    world.may_delete = False


def open_again(world: World) -> None:
    world.may_delete = True


def lose_sight(world: World) -> None:
    """Nobody has looked at iCloud for days."""
    world.clock.pass_by(4 * DAY)


def look(world: World) -> None:
    world.look()


@pytest.mark.parametrize(
    ("hold", "let_go"), [(freeze, unfreeze), (close, open_again), (lose_sight, look)]
)
def test_what_is_held_is_looked_at_ever_more_seldom_and_at_once_when_it_is_let_go(
    waiting: World, hold: Callable[[World], None], let_go: Callable[[World], None]
) -> None:
    hold(waiting)
    between = looks(waiting, 2 * DAY)
    assert between[-1] == HOUR
    assert len(between) < 75, "every five minutes it would be nearly 600"
    assert not waiting.deleted
    let_go(waiting)
    waiting.tick()
    waiting.work_off()
    assert len(waiting.deleted) == 1, "without waiting for the next look"


def test_what_the_brake_holds_goes_when_its_turn_comes_or_at_once_by_approval(
    waiting: World,
) -> None:
    waiting.clock.pass_by(15 * MINUTE)
    waiting.tick()
    waiting.work_off()
    (left,) = {"A", "B"} - waiting.deleted
    assert wakes_at(waiting) == waiting.clock.now() + 5 * MINUTE
    Orders(waiting.store, waiting.clock).approve(questions.Order(assets=(left,)))
    waiting.tick()
    waiting.work_off()
    assert left in waiting.deleted


def test_a_turn_is_not_slept_through(waiting: World) -> None:
    waiting.clock.pass_by(15 * MINUTE)
    waiting.tick()
    waiting.work_off()
    between = []
    while len(waiting.deleted) == 1:
        between.append(wakes_at(waiting) - waiting.clock.now())
        waiting.clock.pass_by(between[-1])
        waiting.tick()
        waiting.work_off()
    assert sum(between, timedelta()) < HOUR + 10 * MINUTE
