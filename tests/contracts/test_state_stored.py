"""What the books say in SQL about albums, pages and older databases, the same on SQLite and on a real Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text

from services.state import schema
from services.state.answers import Answers
from services.state.database import upgrade
from shared.domain import events, questions
from shared.domain.icloud_records import record_checksum
from shared.domain.pipeline import STAGE
from shared.domain.seen import AlbumSeen
from tests.contracts.albums_case import (
    BEST,
    FAMILY,
    RULES,
    albums,
    days_later,
    first_pass,
    member,
    page,
    record,
    records,
    rows,
    to_the_album,
)
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine, RULES)


def test_an_album_that_gets_another_name_makes_its_members_records_anew(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,), joined=(member("f"),))
    world.work_off()
    world.look(albums=(AlbumSeen(album="f", name="Kin"),))
    world.look(albums=(AlbumSeen(album="f", name=""),))  # a feed that leaves the name out
    world.tick()
    world.work_off()
    assert record(world).checksum == record_checksum("t1", ("Kin",))


def test_a_whole_pass_that_does_not_show_a_membership_ends_it(world: World) -> None:
    first_pass(world)
    page(world, "t2", "t3", final=True)
    assert albums(world) == ("Best of", "Family"), "a look from a token shows changes only"
    page(world, "", "", albums=(FAMILY, BEST))
    page(world, "", "u1", part=1, joined=(member("b"),))
    assert albums(world) == ("Best of", "Family"), "the pass had not ended"
    world.tick()
    page(world, "u1", "u2", final=True)
    assert albums(world) == ("Best of",)
    world.tick()
    world.work_off()
    assert record(world).checksum == record_checksum("t1", ("Best of",))


def test_a_whole_pass_that_does_not_show_an_album_ends_it(world: World) -> None:
    first_pass(world)
    page(world, "", "u1", albums=(BEST,), joined=(member("f"), member("b")))
    world.tick()
    page(world, "u1", "u2", final=True)
    assert albums(world) == ("Best of",)
    world.tick()
    world.work_off()
    assert record(world).checksum == record_checksum("t1", ("Best of",))
    assert {row.id: row.deleted for row in rows(world, "album")} == {"b": False, "f": True}


def test_a_page_said_twice_changes_nothing(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,), joined=(member("f"),), since="", token="a")
    before = (rows(world, "album"), rows(world, "membership"))
    world.look(seen("A"), albums=(FAMILY,), joined=(member("f"),), since="a", token="b")
    assert (rows(world, "album"), rows(world, "membership")) == before
    assert len(records(world)) == 1


def back_to_the_first_schema(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.membership.drop(connection)
        schema.album.drop(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))


def test_a_database_from_before_albums_keeps_its_rows_and_reads_icloud_once_more(
    world: World, engine: Engine
) -> None:
    to_the_album(world)
    before = rows(world, "asset"), rows(world), rows(world, "evidence")
    back_to_the_first_schema(engine)
    upgrade(engine)
    assert {"album", "membership"} <= set(inspect(engine).get_table_names())
    assert (rows(world, "asset"), rows(world), rows(world, "evidence")) == before
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    assert answers.sync_token(questions.AskSyncToken(zone="PrimarySync")).token is None
    assert not answers.status(questions.AskStatus()).looked
    with world.store.transaction(world.clock.now()) as transaction:
        assert not world.truth.situations.plain(transaction).listing_sane
    world.clock.pass_by(timedelta(days=15))
    world.tick()
    world.work_off()
    assert not world.deleted, "it was deleted before anybody knew in which albums it is"
    page(world, "", "u1", albums=(FAMILY,), joined=(member("f"),), final=True)
    world.tick()
    world.work_off()
    assert record(world).checksum == record_checksum("t1", ("Family",))
    days_later(world, 1)
    assert world.deleted == {"A"}


def test_upgrading_twice_is_upgrading_once(engine: Engine) -> None:
    upgrade(engine)
    back_to_the_first_schema(engine)
    upgrade(engine)
    upgrade(engine)


def fail_everything(world: World) -> None:
    while world.due:
        due = world.due.pop()
        work = STAGE[due.task.stage].work.model_validate_json(due.body)
        failed = work.outcome(events.Failed, world.clock.now(), lasting="permanent", reason="no")
        world.say(failed)


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_no_failure_is_skipped_at_the_end_of_a_page(world: World, limit: int) -> None:
    world.look(*(seen(f"A{n}", f"{n}.JPG") for n in range(3)))
    fail_everything(world)
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    found, after = [], 0
    while part := answers.failures(questions.AskRows(after=after, limit=limit)).rows:
        assert len({row["id"] for row in part}) <= limit
        found += [(row["stage"], row["key"]) for row in part]
        after = max(row["id"] for row in part)
    assert sorted(found) == [("download", key) for key in range(1, 7)]
