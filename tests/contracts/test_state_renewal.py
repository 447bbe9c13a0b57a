"""A file that grows out of its tier is compressed anew, from the original, and nothing else waits for that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from services.state import schema
from services.state.answers import Answers
from services.state.database import open_database
from services.state.orders import Orders
from shared.domain import events, questions, work_items
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import STAGE
from shared.domain.release import Keeping
from tests.contracts.books_world import START, World, seen, sha

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

DAY = timedelta(days=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: no rule here is said in SQL."""
    opened = open_database(f"sqlite:///{tmp_path}/media.db")
    yield opened
    opened.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    """One asset, compressed, that grows out of its tier after a hundred days; deletion is off."""
    world = World(engine, Rules(enabled=False, google_level=GoogleLevel.FREED))
    compressed(world)
    return world


def compressed(world: World, until: timedelta = 100 * DAY) -> None:
    world.renew_at = START + until
    world.look(seen("A"))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    world.renew_at = None
    assert photo(world).compression == "archived"


def photo(world: World) -> Any:
    with world.engine.connect() as connection:
        return connection.execute(select(schema.media).where(schema.media.c.id == 1)).one()


def count(world: World, stage: str) -> int:
    return len({one for one in world.done if one.startswith(f"{stage}:1:")})


def to_its_day(world: World) -> None:
    world.clock.pass_by(101 * DAY)
    world.wake()


def task(world: World, stage: str) -> Any:
    due = next(due for due in world.due if (due.task.stage, due.task.key) == (stage, 1))
    world.due = [other for other in world.due if other.message_id != due.message_id]
    kind = STAGE[stage].work
    return kind.model_validate_json(due.body)


def totals(world: World) -> tuple[int, int]:
    ask = Answers(world.store, world.truth, world.policy, world.clock)
    told = ask.status(questions.AskStatus()).totals
    return told["bytes_compressed_to"], told["bytes_reclaimable"]


def test_nothing_is_done_anew_before_its_day_and_once_on_it(world: World) -> None:
    world.clock.pass_by(98 * DAY)
    world.wake()
    world.work_off()
    assert count(world, "compress") == 1
    world.clock.pass_by(3 * DAY)
    for _ in range(3):
        world.wake()
        world.work_off()
        world.clock.pass_by(DAY)
    assert (count(world, "compress"), count(world, "rendition")) == (2, 2)
    row = photo(world)
    assert (row.compression, row.tier, row.rendition_size) == ("archived", "heavier", 30)
    assert (row.rendition_sha256, row.candidate, row.renew_at) == (sha("small 30"), None, None)
    assert row.last_compressed > START + 100 * DAY
    assert totals(world) == (30, 70)


def test_until_the_new_one_is_in_its_place_the_old_one_counts(world: World) -> None:
    to_its_day(world)
    assert task(world, "compress").present_size == 40
    world.wake()
    world.due = []
    world.clock.pass_by(DAY)
    world.tick()
    world.work_off(without=("rendition",))
    row = photo(world)
    assert (row.compression, row.rendition_sha256, row.current_size) == (
        "renewing", sha("small 40"), 40,
    )  # fmt: skip
    assert row.status == "compressed"
    assert totals(world) == (40, 60)
    assert task(world, "rendition").former_sha256 == sha("small 40")


def test_a_new_one_that_is_lost_leaves_the_old_one_and_is_made_again(world: World) -> None:
    to_its_day(world)
    world.work_off(without=("rendition",))
    lost = task(world, "rendition")
    world.say(lost.outcome(events.RenditionLost, world.clock.now(), reason="it is gone"))
    row = photo(world)
    assert (row.compression, row.rendition_sha256, row.tier) == (
        "archived", sha("small 40"), "heavy",
    )  # fmt: skip
    made = count(world, "compress")
    world.tick()
    world.work_off()
    assert count(world, "compress") == made, "what loses one may lose each: not at once"
    world.clock.pass_by(timedelta(hours=6))
    world.tick()
    world.work_off()
    assert (photo(world).tier, photo(world).candidate) == ("heavier", None)


@pytest.mark.parametrize("first", [True, False])
def test_what_loses_each_rendition_costs_one_now_and_then_and_is_given_up_in_the_end(
    engine: Engine, first: bool
) -> None:
    world = World(engine, Rules(enabled=False, google_level=GoogleLevel.FREED))
    if first:
        world.look(seen("A"))
        world.work_off()
        world.google(GoogleLevel.SETTLED)
    else:
        compressed(world)
        to_its_day(world)
    ask = Answers(world.store, world.truth, world.policy, world.clock)
    before, losses = count(world, "compress"), 0
    for _ in range(100):  # each a quarter of an hour
        world.tick()
        world.work_off(without=("rendition",))
        if any(due.task.stage == "rendition" for due in world.due):
            lost, losses = task(world, "rendition"), losses + 1
            world.say(lost.outcome(events.RenditionLost, world.clock.now(), reason="it is gone"))
            (told,) = ask.status(questions.AskStatus()).retrying
            assert (told["stage"], told["failures"], told["reason"]) == (
                "compress", losses, "its rendition was lost before it was archived: it is gone",
            )  # fmt: skip
        world.clock.pass_by(timedelta(minutes=15))
    assert count(world, "compress") - before == losses == 5, "in twenty-five hours"
    for _ in range(STAGE["compress"].tries - losses):
        world.clock.pass_by(timedelta(hours=7))
        world.tick()
        world.work_off(without=("rendition",))
        lost = task(world, "rendition")
        world.say(lost.outcome(events.RenditionLost, world.clock.now(), reason="it is gone"))
    world.clock.pass_by(DAY)
    world.tick()
    assert not world.due
    (row,) = ask.failures(questions.AskRows()).rows
    assert (row["stage"], row["failures"]) == ("compress", STAGE["compress"].tries)
    assert photo(world).compression == ("none" if first else "archived")
    Orders(world.store, world.clock).retry(questions.Order(everything=True))
    world.tick()
    world.work_off()
    assert photo(world).rendition_sha256 == world.placed[1]


def test_losses_count_although_the_archive_is_away_now_and_then(engine: Engine) -> None:
    """No worker can read its original then, and nothing is wished for it."""
    world = World(engine)
    compressed(world)
    for days in (15, 8, 78):
        world.clock.pass_by(days * DAY)
        world.wake()
        world.work_off(without=("compress",))
    assert photo(world).local == "purged"
    made = 0
    for _ in range(48):  # each a quarter of an hour
        world.work_off(without=("rendition",))
        if any(due.task.stage == "rendition" for due in world.due):
            lost, made = task(world, "rendition"), made + 1
            world.say(lost.outcome(events.RenditionLost, world.clock.now(), reason="it is gone"))
        for raised in (True, False):
            world.say(nas_away(world, raised=raised))
            Orders(world.store, world.clock).renew(questions.Order(everything=True))
            world.tick()
        world.clock.pass_by(timedelta(minutes=15))
    assert made == 2, "in twelve hours"
    ask = Answers(world.store, world.truth, world.policy, world.clock)
    (told,) = ask.status(questions.AskStatus()).retrying
    assert (told["stage"], told["failures"]) == ("compress", 2)


def nas_away(world: World, *, raised: bool) -> events.Attention:
    now = world.clock.now()
    name = f"nas:{now.isoformat()}:{raised}"
    return events.Attention(id=name, at=now, key="nas_sync:nas_missing", text="away", raised=raised)


def test_a_late_word_of_the_first_rendition_is_none_of_the_new_one(world: World) -> None:
    first = next(work for work in world.works if work.stage == "rendition")
    to_its_day(world)
    world.work_off(without=("rendition",))
    world.say(first.outcome(events.RenditionLost, world.clock.now(), reason="it was placed before"))
    assert photo(world).compression == "renewing"
    world.work_off()
    assert photo(world).tier == "heavier"


@pytest.mark.parametrize("readable", [True, False])
def test_a_renewal_that_brings_nothing_leaves_the_rendition_and_says_why(
    world: World, readable: bool
) -> None:
    to_its_day(world)
    work = task(world, "compress")
    world.say(
        work.outcome(
            events.Left, world.clock.now(), reason="no smaller", tier="heavy", readable=readable
        )
    )
    world.work_off()
    row = photo(world)
    assert (row.compression, row.tier, row.readable) == ("archived", "heavy", True)
    assert row.compression_note == "test q1; not renewed: no smaller"
    assert (row.renew_at is None) == readable, "what cannot be read is looked at again"
    world.clock.pass_by(31 * DAY)
    world.wake()
    world.work_off()
    assert photo(world).tier == ("heavy" if readable else "heavier")


def test_a_date_that_has_passed_already_is_no_order_to_begin_at_once(world: World) -> None:
    world.renew_at = START + DAY
    to_its_day(world)
    world.work_off()
    assert (count(world, "compress"), count(world, "rendition")) == (2, 2)
    world.wake()
    world.work_off()
    assert count(world, "compress") == 2


def test_a_person_can_ask_for_it_at_once(world: World) -> None:
    orders = Orders(world.store, world.clock)
    assert orders.renew(questions.Order(assets=("A",))).changed == 1
    world.wake()
    world.work_off()
    assert (photo(world).tier, photo(world).renew_at) == ("heavier", None)
    world.look(seen("B", "b.JPG"))
    assert orders.renew(questions.Order(assets=("B",))).changed == 0, "it was not compressed yet"
    assert orders.renew(questions.Order(everything=True)).changed == 1


def test_what_the_young_tier_left_is_compressed_by_the_older_one(engine: Engine) -> None:
    world = World(engine, Rules(enabled=False, google_level=GoogleLevel.FREED))
    world.look(seen("A"))
    world.work_off(without=("compress",))
    world.google(GoogleLevel.SETTLED)
    left = {"reason": "the tier light leaves HEIC", "tier": "light", "readable": True}
    at = world.clock.now()
    world.say(task(world, "compress").outcome(events.Left, at, **left, renew_at=at + 50 * DAY))
    world.work_off()
    assert photo(world).compression == "left"
    world.clock.pass_by(51 * DAY)
    world.wake()
    world.work_off(without=("rendition",))
    assert (photo(world).compression, photo(world).current_size) == ("renewing", 100)
    assert totals(world) == (0, 0)
    world.work_off()
    assert (photo(world).compression, photo(world).rendition_size) == ("archived", 40)


def test_a_renewal_holds_up_no_deletion_and_none_begins_while_a_permit_is_out(
    engine: Engine,
) -> None:
    world = World(engine)
    compressed(world)
    assert photo(world).local == "delete_pending"
    to_its_day(world)
    world.work_off(without=("compress", "delete"))
    assert count(world, "verify"), "the evidence was not renewed"
    (due,) = [due for due in world.due if due.task.stage == "delete"]
    permit = world.claim(work_items.AssetWork.model_validate_json(due.body)).permit
    assert permit is not None
    world.answer(next(due for due in world.due if due.task.stage == "compress"))
    assert not [due for due in world.due if due.task.stage == "rendition"]
    deleted = work_items.AssetWork.model_validate_json(due.body)
    world.say(deleted.outcome(events.Deleted, world.clock.now(), permit=permit, expunged=None))
    assert [due.task.stage for due in world.due if due.task.key == 1].count("rendition") == 1


def test_what_was_purged_here_is_renewed_from_the_archive_while_that_is_there(
    engine: Engine,
) -> None:
    world = World(engine)
    compressed(world)
    for days in (15, 8):
        world.clock.pass_by(days * DAY)
        world.wake()
        world.work_off()
    assert photo(world).local == "purged"
    world.clock.pass_by(80 * DAY)
    said = {"at": world.clock.now(), "key": "nas_sync:nas_missing", "text": "x"}
    world.say(events.Attention(id="away", raised=True, **said))
    world.wake()
    assert not [due for due in world.due if due.task.stage == "compress"]
    world.look(seen("B", "b.JPG"))
    world.work_off(without=("compress",))
    world.clock.pass_by(DAY)
    world.wake()
    work = task(world, "compress")
    assert (work.local, work.nas_path) == (False, ".originals/2020/05/IMG_0001.JPG")


def long_deleted(engine: Engine, keeping: Keeping, level: GoogleLevel) -> World:
    """One asset that was deleted from iCloud, and purged here, more than forty days ago."""
    world = World(engine, keeping=keeping)
    compressed(world)
    world.google(level)
    for days in (15, 8, 41):
        world.clock.pass_by(days * DAY)
        world.wake()
        world.work_off()
    assert photo(world).local == "purged"
    return world


def test_an_original_leaves_the_archive_when_its_time_is_over_and_then_its_bytes_are_saved(
    engine: Engine,
) -> None:
    world = long_deleted(engine, Keeping(40 * DAY), GoogleLevel.CONFIRMED)
    assert world.released == {1}, "the record has no rendition and stays"
    row = photo(world)
    assert (row.nas, row.synced_nas, row.current_size) == ("released", "rendition", 40)
    told = Answers(world.store, world.truth, world.policy, world.clock).status(
        questions.AskStatus()
    ).totals  # fmt: skip
    assert (told["bytes_saved"], told["bytes_reclaimable"]) == (60, 0)
    world.clock.pass_by(400 * DAY)
    world.wake()
    world.work_off()
    assert count(world, "compress") == 1, "without the original nothing is made anew"
    assert count(world, "release") == 1


@pytest.mark.parametrize(
    ("keeping", "level"),
    [
        (Keeping(), GoogleLevel.CONFIRMED),
        (Keeping(90 * DAY), GoogleLevel.CONFIRMED),
        (Keeping(40 * DAY), GoogleLevel.FREED),
        (Keeping(40 * DAY, GoogleLevel.TAKEOUT), GoogleLevel.CONFIRMED),
    ],
)
def test_it_stays_by_default_too_early_and_without_googles_proof(
    engine: Engine, keeping: Keeping, level: GoogleLevel
) -> None:
    world = long_deleted(engine, keeping, level)
    assert world.released == set()
    assert photo(world).nas == "verified"


def test_a_claim_counts_only_for_the_attempt_that_is_out(engine: Engine) -> None:
    world = long_deleted(engine, Keeping(90 * DAY), GoogleLevel.CONFIRMED)
    asked = questions.ClaimRelease(asset="A", media=1, attempt=1)
    assert world.claims.release(asked).reasons == ("this order is out of date",)
    world.clock.pass_by(50 * DAY)
    world.wake()
    world.work_off(without=("release",))
    release = task(world, "release")
    assert world.claims.release(asked.model_copy(update={"attempt": 9})).deadline is None
    assert world.claims.release(asked.model_copy(update={"media": 2})).deadline is None
    assert world.claims.release(asked.model_copy(update={"attempt": release.attempt})).deadline
    world.truth.freeze("a person looks")
    frozen = world.claims.release(asked.model_copy(update={"attempt": release.attempt}))
    assert "frozen" in frozen.reasons[0]


@pytest.mark.parametrize("again", [False, True])
def test_without_its_original_a_file_is_made_smaller_only_where_the_person_says_so(
    engine: Engine, again: bool
) -> None:
    world = World(engine, keeping=Keeping(40 * DAY), reencode=again)
    compressed(world, until=200 * DAY)
    world.google(GoogleLevel.CONFIRMED)
    for days in (15, 8, 41, 150):
        world.clock.pass_by(days * DAY)
        world.wake()
        world.work_off()
    row = photo(world)
    assert (row.nas, row.compression, row.rendition_size) == (
        "released", "archived", 30 if again else 40,
    )  # fmt: skip
    made = [work for work in world.works if work.stage == "compress" and work.key == 1]
    sources = {work.attempt: getattr(work, "from_rendition", None) for work in made}
    assert sources == ({1: None, 2: sha("small 40")} if again else {1: None})


def test_an_original_that_leaves_while_a_renewal_is_under_way_leaves_no_loose_end(
    engine: Engine,
) -> None:
    world = World(engine, keeping=Keeping(40 * DAY))
    compressed(world, until=(15 + 8 + 41) * DAY)
    world.google(GoogleLevel.CONFIRMED)
    for days in (15, 8):
        world.clock.pass_by(days * DAY)
        world.wake()
        world.work_off()
    world.clock.pass_by(41 * DAY)
    world.wake()
    world.work_off(without=("compress", "release", "rendition"))
    world.wake()
    release = task(world, "release")
    asked = questions.ClaimRelease(asset="A", media=1, attempt=release.attempt)
    assert world.claims.release(asked).deadline is not None
    world.say(world._compress(task(world, "compress")))
    assert (photo(world).nas, photo(world).compression) == ("verified", "renewing")
    assert world.claims.release(asked).deadline is None, "another rendition is about to come"
    before = task(world, "rendition")
    assert not before.alone
    world.say(gone(world, release))
    assert (photo(world).nas, photo(world).compression) == ("released", "renewing")
    world.released.add(1)
    world.work_off()
    assert (photo(world).nas, photo(world).compression) == ("released", "archived")
    assert photo(world).rendition_sha256 == world.placed[1] == sha("small 30")


def gone(world: World, release: work_items.RenditionWork) -> events.Report:
    where = {"archive": world.archive, "file_system": world.file_system}
    path = release.file.path
    return release.outcome(events.OriginalReleased, world.clock.now(), path=path, **where)
