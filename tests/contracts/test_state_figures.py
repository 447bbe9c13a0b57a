"""What Prometheus is shown of the books, the same on SQLite and on a real Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from services.state import schema
from services.state.figures import Figures, FiguresOfBooks, count
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import STAGES
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

HOUR = 3600.0


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def figures(world: World) -> Figures:
    with world.engine.connect() as connection:
        return count(connection, world.clock.now())


def wait(world: World) -> None:
    world.clock.pass_by(timedelta(hours=1))


def test_work_ages_from_when_it_could_be_done_until_it_is(world: World) -> None:
    assert figures(world).oldest == dict.fromkeys((stage.name for stage in STAGES), 0)
    world.look(seen("A"))
    wait(world)
    assert figures(world).oldest["download"] == HOUR
    world.truth.published([(due.task, 1) for due in world.due])
    world.tick()
    wait(world)
    assert figures(world).oldest["download"] == HOUR, "its age on the bus counts from there"
    world.work_off(without=("nas",))
    assert figures(world).oldest["download"] == 0
    with world.engine.begin() as connection:
        later = world.clock.now() + timedelta(hours=1)
        connection.execute(
            update(schema.work).where(schema.work.c.stage == "nas").values(due_at=later)
        )
    assert figures(world).oldest["nas"] == 0, "a retry that is still to come is not late"


def test_evidence_is_counted_by_copy_and_level_and_permits_by_their_end(world: World) -> None:
    empty = figures(world)
    assert set(empty.evidence.values()) == {0} == set(empty.permits.values())
    world.look(seen("A"))
    world.work_off()
    for level in (GoogleLevel.ARRIVED, GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    found = figures(world)
    assert found.evidence["google", "freed"] == 1
    assert found.evidence["nas", "cold"] == 2, "the record is archived, too"
    world.clock.pass_by(timedelta(days=15))
    world.wake()
    world.work_off()
    assert figures(world).permits == {**empty.permits, "deleted": 1}
    for outcome, end in (
        ("kept: it changed", "kept"),
        ("lapsed unused", "lapsed"),
        ("open", "open"),
    ):
        with world.engine.begin() as connection:
            connection.execute(update(schema.permit).values(outcome=outcome))
        assert figures(world).permits == {**empty.permits, end: 1}


def test_counted_figures_are_shown_with_their_zeros(engine: Engine) -> None:
    shown, registry = FiguresOfBooks(), CollectorRegistry()
    registry.register(shown)
    assert list(registry.collect()) == []
    shown.show(figures(World(engine)))
    for end in ("deleted", "kept", "lapsed", "void"):
        assert registry.get_sample_value("photoduct_deletions_total", {"outcome": end}) == 0
    level = {"copy": "google", "level": "takeout"}
    assert registry.get_sample_value("photoduct_evidence", level) == 0
    assert registry.get_sample_value("photoduct_work_oldest_age_seconds", {"stage": "purge"}) == 0
    assert registry.get_sample_value("photoduct_open_permits") == 0
