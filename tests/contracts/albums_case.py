"""Albums, assets in them, and what the books then say, for the tests of both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from services.state import schema
from services.state.answers import Answers
from shared.domain import questions
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.seen import AlbumSeen, Membership
from tests.contracts.books_world import World, seen

DAY = timedelta(days=1)
RULES = Rules(enabled=True, max_percent_day=100, google_level=GoogleLevel.FREED)
FAMILY = AlbumSeen(album="f", name="Family")
BEST = AlbumSeen(album="b", name="Best of")
PENDING = AlbumSeen(album="p", name="DeletePending")


def member(album: str, asset: str = "A") -> Membership:
    return Membership(album=album, asset=asset)


def rows(world: World, table: str = "media") -> list[Any]:
    which = schema.metadata.tables[table]
    with world.engine.connect() as connection:
        return list(connection.execute(select(which).order_by(which.c[0])))


def asset(world: World, name: str = "A") -> Any:
    return next(row for row in rows(world, "asset") if row.icloud_id == name)


def records(world: World, kind: str = "record") -> list[Any]:
    return [row for row in rows(world) if row.resource == kind]


def record(world: World) -> Any:
    (found,) = [row for row in records(world) if row.current]
    return found


def google(world: World) -> None:
    for level in (GoogleLevel.ARRIVED, GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()


def days_later(world: World, days: int = 15) -> None:
    world.clock.pass_by(days * DAY)
    world.wake()
    world.work_off()


def pending_reasons(world: World, name: str = "A") -> str:
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    found = {row["asset"]: row for row in answers.pending(questions.AskRows()).rows}
    return " ".join(found[name]["reasons"])


def attention(world: World, key: str) -> list[str]:
    status = Answers(world.store, world.truth, world.policy, world.clock).status(
        questions.AskStatus()
    )
    return [one["text"] for one in status.attention if one["key"] == key]


def page(world: World, since: str, token: str, **fields: Any) -> None:
    world.look(since=since, token=token, **{"final": False, **fields})


def first_pass(world: World) -> None:
    page(world, "", "", albums=(FAMILY, BEST), joined=(member("f"),))
    page(world, "", "t1", part=1, joined=(member("b"),))
    world.look(seen("A"), since="t1", token="t2")
    world.tick()
    world.work_off()
    assert albums(world) == ("Best of", "Family")


def albums(world: World) -> tuple[str, ...]:
    with world.store.transaction(world.clock.now()) as transaction:
        transaction.load_icloud(["A"])
        return transaction.books.by_icloud_id["A"].albums


def to_the_album(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY, BEST, PENDING))
    world.work_off()
    google(world)
    assert asset(world).removal == "pending"
