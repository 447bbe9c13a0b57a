"""A photo that comes back to iCloud, whenever: its original is archived as ever, and nothing that is gone counts for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError

from services.state import schema
from services.state.answers import Answers
from services.state.database import open_database, upgrade
from services.state.orders import Orders
from services.state.restoring import distrust
from shared.domain import events, questions, work_items
from shared.domain.ids import GoogleLevel
from shared.domain.release import Keeping
from tests.contracts.books_world import START, World, seen, sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

DAY = timedelta(days=1)
NAME = "2020/05/IMG_0001.JPG"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: no rule here is said in SQL."""
    opened = open_database(f"sqlite:///{tmp_path}/media.db")
    yield opened
    opened.dispose()


def deleted(engine: Engine, **policy: Any) -> World:
    """One asset that was deleted from iCloud a moment ago, its rendition in the archive."""
    world = World(engine, keeping=Keeping(40 * DAY), **policy)
    world.renew_at = START + (15 + 8 + 41) * DAY if "reencode" in policy else None
    world.look(seen("A"))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.CONFIRMED):
        world.google(level)
    world.work_off()
    world.renew_at = None
    pass_by(world, 15)
    assert world.deleted == {"A"}
    return world


def pass_by(world: World, days: int, *, without: tuple[str, ...] = ()) -> None:
    world.clock.pass_by(days * DAY)
    world.wake()
    world.work_off(without=without)


def photo(world: World) -> Any:
    with world.engine.connect() as connection:
        return connection.execute(select(schema.media).where(schema.media.c.id == 1)).one()


def removal(world: World) -> str:
    with world.engine.connect() as connection:
        return str(connection.execute(select(schema.asset.c.removal)).scalar_one())


def held_back(world: World, stage: str) -> Any:
    (due,) = [due for due in world.due if (due.task.stage, due.task.asset_id) == (stage, 1)]
    world.due = []
    return due


def while_its_files_are_here(engine: Engine) -> World:
    return deleted(engine)


def after_they_were_purged(engine: Engine) -> World:
    world = deleted(engine)
    pass_by(world, 8)
    assert photo(world).local == "purged"
    return world


def after_its_original_was_released(engine: Engine) -> World:
    world = after_they_were_purged(engine)
    pass_by(world, 41)
    assert photo(world).nas == "released"
    return world


def after_its_copy_was_lost(engine: Engine) -> World:
    world = after_they_were_purged(engine)
    world.copies_lost.add(1)
    pass_by(world, 20)
    assert photo(world).nas == "mismatch"
    return world


def after_the_release_of_what_is_kept_here(engine: Engine) -> World:
    world = deleted(engine, local_purge_after=None)
    pass_by(world, 41)
    assert (photo(world).local, photo(world).nas) == ("delete_pending", "released")
    return world


def while_a_rendition_is_made_from_a_rendition(engine: Engine) -> World:
    world = deleted(engine, reencode=True)
    pass_by(world, 8)
    pass_by(world, 41, without=("compress", "rendition"))
    assert photo(world).nas == "released"
    world.due = [due for due in world.due if due.task.stage == "compress"]
    return world


def while_one_is_placed_where_no_original_is(engine: Engine) -> World:
    world = while_a_rendition_is_made_from_a_rendition(engine)
    world.work_off(without=("rendition",))
    assert photo(world).compression == "renewing"
    return world


POINTS = (
    while_its_files_are_here,
    after_they_were_purged,
    after_its_original_was_released,
    after_its_copy_was_lost,
    after_the_release_of_what_is_kept_here,
    while_a_rendition_is_made_from_a_rendition,
    while_one_is_placed_where_no_original_is,
)


def comes_back(world: World, **changes: Any) -> None:
    world.deleted.clear()
    world.look(seen("A", tag="t3", **changes))


def is_whole_and_stays(world: World) -> None:
    """Its original is proven in the archive, everything else is as it was, and no day takes it out of iCloud again."""
    row = photo(world)
    assert (removal(world), row.nas, row.google) == ("restored", "verified", "confirmed")
    assert row.local in {"backup", "purged"}
    assert (row.nas_path, row.sha256) == (f".originals/{NAME}", sha("c-A"))
    assert (row.compression, row.rendition_sha256) == ("archived", world.placed[1])
    assert world.released == set()
    asked = len(world.done)
    for _ in range(3):
        pass_by(world, 50)
    later = {one.split(":")[0] for one in world.done[asked:]}
    assert not later & {"album", "delete", "purge", "release", "pixel", "download", "nas"}
    assert (world.deleted, removal(world)) == (set(), "restored")
    with world.engine.connect() as connection:
        assert connection.execute(select(schema.rejected.c.reason)).scalars().all() == []


@pytest.mark.parametrize("point", POINTS)
def test_what_comes_back_is_in_the_archive_again_whenever_it_does(
    engine: Engine, point: Callable[[Engine], World]
) -> None:
    world = point(engine)
    comes_back(world)
    world.work_off()
    world.wake()
    world.work_off()
    is_whole_and_stays(world)


def test_what_comes_back_while_its_original_is_being_released_is_fetched_when_that_is_told(
    engine: Engine,
) -> None:
    world = after_they_were_purged(engine)
    pass_by(world, 41, without=("release",))
    out = held_back(world, "release")
    report = world._release(work_items.RenditionWork.model_validate_json(out.body))
    assert isinstance(report, events.OriginalReleased)
    comes_back(world)
    world.work_off()
    assert photo(world).nas == "verified", "it was found lacking and archived anew"
    world.say(report)
    world.work_off()
    is_whole_and_stays(world)


@pytest.mark.parametrize("kept_here", [False, True])
def test_what_comes_back_after_a_removal_that_nobody_told_is_fetched_all_the_same(
    engine: Engine, kept_here: bool
) -> None:
    """The worker died between the removal and its report, and the bus was emptied."""
    world = deleted(engine, local_purge_after=None) if kept_here else after_they_were_purged(engine)
    pass_by(world, 41, without=("release",))
    world._release(work_items.RenditionWork.model_validate_json(held_back(world, "release").body))
    assert world.released == {1}
    comes_back(world)
    world.work_off()
    is_whole_and_stays(world)


def test_what_comes_back_before_its_release_is_claimed_keeps_its_original(engine: Engine) -> None:
    world = after_they_were_purged(engine)
    pass_by(world, 41, without=("release",))
    out = held_back(world, "release")
    comes_back(world)
    world.answer(out)
    world.work_off()
    assert world.released == set()
    is_whole_and_stays(world)


def test_what_comes_back_while_its_files_are_purged_is_held_by_the_archive(engine: Engine) -> None:
    world = deleted(engine)
    pass_by(world, 8, without=("purge",))
    work = work_items.AssetWork.model_validate_json(held_back(world, "purge").body)
    report = world._purge(work)
    comes_back(world)
    world.say(report)
    world.work_off()
    assert photo(world).local == "purged"
    is_whole_and_stays(world)


def test_what_came_back_is_fetched_again_when_the_archive_is_another_one(engine: Engine) -> None:
    world = after_they_were_purged(engine)
    comes_back(world)
    world.work_off()
    world.archive, world.placed = "archive-2", {}
    world.look(seen("B", "b.JPG"))
    world.work_off()
    world.wake()
    world.work_off()
    row = photo(world)
    assert (row.local, row.nas, row.nas_archive) == ("backup", "verified", "archive-2")


@pytest.mark.parametrize("lost", [False, True])
def test_after_a_restore_of_the_books_what_came_back_is_read_again_and_fetched_only_if_it_is_lost(
    engine: Engine, lost: bool
) -> None:
    world = after_they_were_purged(engine)
    comes_back(world)
    world.work_off()
    world.copies_lost.update({1} if lost else ())
    with engine.begin() as connection:
        distrust(connection, world.clock.now())
    before = len(world.done)
    world.say(nas_away(world, raised=True))
    world.tick()
    assert not [due for due in world.due if due.task.stage == "download"], "it may have it"
    world.say(nas_away(world, raised=False))
    world.work_off()
    fetched = [one for one in world.done[before:] if one.startswith("download:")]
    assert bool(fetched) == lost
    assert photo(world).local == ("backup" if lost else "purged")
    is_whole_and_stays(world)


def test_what_came_back_is_fetched_when_the_archive_that_was_away_comes_back_as_another(
    engine: Engine,
) -> None:
    world = after_they_were_purged(engine)
    comes_back(world)
    world.work_off()
    with engine.begin() as connection:
        distrust(connection, world.clock.now())
    Orders(world.store, world.clock).unfreeze(questions.Order())
    world.say(nas_away(world, raised=True))
    world.tick()
    world.archive, world.placed, world.copies_lost = "archive-2", {}, {1}
    world.work_off(without=("nas",))
    world.work_off()
    row = photo(world)
    assert (row.local, row.nas, row.nas_archive) == ("backup", "verified", "archive-2")
    assert "archive-changed" in told(world)
    assert "deletion-frozen" not in told(world), "no copy was lost"


def nas_away(world: World, *, raised: bool) -> events.Attention:
    now = world.clock.now()
    return events.Attention(
        id=f"nas:{raised}", at=now, key="nas_sync:nas_missing", text="away", raised=raised
    )


def test_a_loss_that_a_person_knows_of_holds_up_no_deletion_and_the_next_one_does(
    engine: Engine,
) -> None:
    """What iCloud has forgotten, nothing can bring back: the rest must be able to go on."""
    world = after_they_were_purged(engine)
    world.copies_lost.add(1)
    pass_by(world, 20)
    assert {"copies-missing", "deletion-frozen"} <= told(world)
    assert (photo(world).nas, photo(world).synced_nas) == ("mismatch", "lost")
    Orders(world.store, world.clock).unfreeze(questions.Order())
    pass_by(world, 0)
    assert "deletion-frozen" not in told(world)
    assert "copies-missing" in told(world), "iCloud may give it back still"
    world.look(seen("B", "b.JPG"))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.CONFIRMED):
        world.google(level)
    pass_by(world, 0)
    pass_by(world, 15)
    assert world.deleted == {"A", "B"}
    Orders(world.store, world.clock).unfreeze(questions.Order())
    pass_by(world, 8)
    assert "copies-missing" not in told(world), "nobody can give it back"
    with engine.connect() as connection:
        query = select(schema.media.c.id).where(schema.media.c.icloud_id == "B")
        world.copies_lost.update(connection.execute(query).scalars())
    pass_by(world, 20)
    assert {"copies-missing", "deletion-frozen"} <= told(world)


def told(world: World) -> set[str]:
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    return {one["key"] for one in answers.status(questions.AskStatus()).attention}


def test_an_edit_that_comes_back_is_archived_and_the_former_one_is_asked_for_no_more(
    engine: Engine,
) -> None:
    world = after_its_original_was_released(engine)
    comes_back(world, resources=(("original", "other"),))
    world.work_off()
    assert (photo(world).local, photo(world).nas, photo(world).current) == (
        "purged", "released", False,
    )  # fmt: skip
    with world.engine.connect() as connection:
        query = select(schema.media.c.nas).where(schema.media.c.checksum == "other")
        assert connection.execute(query).scalar_one() == "verified"


def test_no_way_leads_from_what_came_back_to_another_deletion(engine: Engine) -> None:
    world = after_its_original_was_released(engine)
    work = next(work for work in world.works if work.stage == "delete")
    assert isinstance(work, work_items.AssetWork)
    comes_back(world)
    assert world.claim(work, change_tag="t3").permit is None
    asked = {"asset": "A", "attempt": 1}
    assert world.claims.purge(questions.ClaimPurge(**asked)).deadline is None
    assert world.claims.release(questions.ClaimRelease(**asked, media=1)).deadline is None
    pending = update(schema.asset).values(removal="pending")
    with pytest.raises(DatabaseError, match="illegal move"), world.engine.begin() as connection:
        connection.execute(pending)


def test_what_came_back_to_older_books_is_archived_after_their_upgrade(engine: Engine) -> None:
    world = after_the_release_of_what_is_kept_here(engine)
    with engine.begin() as connection:
        connection.execute(update(schema.asset).values(removal="restored", wake_at=None))
        connection.execute(text("DELETE FROM legal_move WHERE old = 'released'"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    upgrade(engine)
    world.tick()
    world.work_off()
    assert (photo(world).nas, photo(world).nas_path) == ("verified", f".originals/{NAME}")
