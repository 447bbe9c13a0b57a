"""The state service's rules, the same on SQLite and on a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError

from services.state import schema
from services.state.answers import Answers
from services.state.orders import Orders
from services.state.restoring import distrust
from services.state.truth import RINGS
from shared.domain import events, questions, work_items
from shared.domain.errors import Transient
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import STAGE
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

DAY = timedelta(days=1)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def media(world: World) -> list[Any]:
    with world.engine.connect() as connection:
        return list(connection.execute(select(schema.media).order_by(schema.media.c.id)))


def asset(world: World, name: str = "A") -> Any:
    with world.engine.connect() as connection:
        query = select(schema.asset).where(schema.asset.c.icloud_id == name)
        return connection.execute(query).one()


def to_the_album(world: World) -> None:
    """Take one asset through everything up to the album."""
    world.look(seen("A"))
    world.work_off()
    for level in (GoogleLevel.ARRIVED, GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()


def test_one_asset_goes_the_whole_way_and_the_specification_columns_tell(world: World) -> None:
    to_the_album(world)
    row = media(world)[0]
    assert (row.status, row.synced_google, row.synced_nas) == ("delete_pending", "yes", "yes")
    assert (row.album_moved, row.deleted_icloud, row.initial_size, row.current_size) == (
        1,
        None,
        100,
        40,
    )
    assert row.local_path == "/media/delete_pending/2020/05/IMG_0001.JPG"
    assert not world.deleted
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert world.deleted == {"A"}
    assert any(key.startswith("verify:") for key in world.done), "stale evidence was not renewed"
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off()
    row = media(world)[0]
    assert (row.status, row.deleted_icloud, row.local_path) == ("purged", "yes", None)


def test_nothing_is_deleted_before_the_dwell_or_while_deletion_is_off(engine: Engine) -> None:
    world = World(engine, Rules(enabled=False, google_level=GoogleLevel.FREED))
    to_the_album(world)
    assert asset(world).removal == "none"
    world.clock.pass_by(100 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted


def test_a_report_counts_once(world: World) -> None:
    world.look(seen("A"))
    due = next(due for due in world.due if due.task.stage == "download")
    world.store.applied()
    world.answer(due)
    assert len(world.store.applied()) == 1
    world.answer(due)
    assert world.store.applied() == set()
    with world.engine.connect() as connection:
        moves = connection.execute(
            select(schema.history).where(schema.history.c.new == "backup")
        ).all()
    assert len(moves) == 1


def test_the_sync_token_is_recorded_with_its_page(world: World) -> None:
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    assert answers.sync_token(questions.AskSyncToken(zone="PrimarySync")).token is None
    world.look(seen("A"))
    assert answers.sync_token(questions.AskSyncToken(zone="PrimarySync")).token == "token-1"


@pytest.mark.parametrize(
    ("table", "machine", "new"),
    [("media", "nas", "void"), ("media", "local", "purged"), ("asset", "removal", "deleted")],
)
def test_the_database_itself_refuses_an_illegal_move(
    world: World, table: str, machine: str, new: str
) -> None:
    world.look(seen("A"))
    with pytest.raises(DatabaseError, match="illegal move"), world.engine.begin() as connection:
        connection.execute(update(schema.metadata.tables[table]).values({machine: new}))
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE media SET local = 'backup'"))


def test_ten_namesakes_get_ten_paths_and_case_or_normalisation_make_no_difference(
    world: World,
) -> None:
    names = ["IMG_0001.JPG"] * 8 + [
        "img_0001.jpg",
        "Zoe\u0308.JPG",
        "Zo\u00eb.JPG",
        "a/b\\c:\x00.JPG",
    ]
    world.look(*(seen(f"A{n}", name) for n, name in enumerate(names)))
    paths = [row.path for row in media(world)]
    assert len({path.casefold() for path in paths}) == len(paths)
    assert all(".." not in path and path.count("/") == 2 for path in paths)


def test_a_live_photo_keeps_its_halves_together(world: World) -> None:
    both = (("original", "c1"), ("live", "c2"))
    world.look(seen("A", resources=both), seen("B", resources=both))
    stems = {(row.icloud_id, row.path.split(".")[0]) for row in media(world)}
    assert len(stems) == 2


def test_a_transient_failure_comes_back_and_the_last_is_quarantined_until_retried(
    world: World,
) -> None:
    world.look(seen("A"))
    world.work_off(without=("download",))
    for _ in range(STAGE["download"].tries):
        due = next(due for due in world.due if due.task.key == 1)
        work = work_items.DownloadWork.model_validate_json(due.body)
        world.say(
            work.outcome(events.Failed, world.clock.now(), lasting="transient", reason="no line")
        )
        world.clock.pass_by(timedelta(hours=7))
        world.due = []
        world.wake()
    assert not [due for due in world.due if due.task.key == 1]
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    (row,) = answers.failures(questions.AskRows()).rows
    assert (row["stage"], row["reason"], row["failures"]) == (
        "download",
        "no line",
        STAGE["download"].tries,
    )
    Orders(world.store, world.clock).retry(questions.Order(everything=True))
    world.wake()
    world.work_off()
    assert media(world)[0].local == "backup"


def test_an_edit_in_the_album_starts_over_with_the_new_file(world: World) -> None:
    to_the_album(world)
    edited = (("original", "c-A"), ("edited", "c-A2"))
    world.look(seen("A", tag="t2", resources=edited))
    assert asset(world).removal == "none"
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted
    assert [row.resource for row in media(world) if row.current] == ["original", "edited", "record"]


def test_a_record_that_changed_since_keeps_the_asset(world: World) -> None:
    to_the_album(world)
    world.changed_tags["A"] = "t9"
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted
    assert "changed in iCloud" in asset(world).kept_because


def test_taking_it_out_of_the_album_is_a_veto(world: World) -> None:
    to_the_album(world)
    world.in_album.clear()
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert asset(world).removal == "vetoed"
    assert media(world)[0].local == "backup"
    world.clock.pass_by(100 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted


def test_a_permit_is_single_use_and_an_open_one_makes_others_wait(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    (due,) = world.due
    work = work_items.AssetWork.model_validate_json(due.body)
    first = world.claim(work)
    assert first.permit is not None
    with pytest.raises(Transient):
        world.claim(work)
    again = world.claim(work, deleted=True)
    assert (again.already_permitted, again.permit) == (True, first.permit)
    world.clock.pass_by(timedelta(minutes=2))
    second = world.claim(work)
    assert second.permit not in {None, first.permit}
    world.say(work.outcome(events.Deleted, world.clock.now(), permit=first.permit, expunged=None))
    assert asset(world).removal == "intent", "a lapsed permit was accepted"
    assert "a permit that had ended" in world_setting(world, "frozen")


def world_setting(world: World, key: str) -> str:
    with world.engine.connect() as connection:
        query = select(schema.setting.c.value).where(schema.setting.c.key == key)
        return str(connection.execute(query).scalar())


def test_a_mismatch_on_the_nas_freezes_every_deletion(world: World) -> None:
    world.look(seen("A"), seen("B"))
    world.work_off(without=("nas",))
    due = world.due[0]
    work = work_items.FileWork.model_validate_json(due.body)
    world.say(
        work.outcome(
            events.NasMismatch,
            world.clock.now(),
            path="x",
            reason="bit rot",
            archive="archive-1",
            file_system="fs-1",
        )
    )
    assert "bit rot" in world_setting(world, "frozen")
    assert Orders(world.store, world.clock).unfreeze(questions.Order()).changed == 1


def test_another_archive_voids_what_was_seen_on_the_old_one(world: World) -> None:
    world.look(seen("A"))
    world.work_off()
    world.archive = "archive-2"
    world.look(seen("B"))
    world.work_off()
    voided = [row for row in media(world) if row.icloud_id == "A"]
    assert {row.nas for row in voided} == {"void"}
    world.wake()
    world.work_off()
    assert {row.nas_archive for row in media(world)} == {"archive-2"}


def test_many_assets_gone_at_once_freeze_deletion_and_cost_no_copy(world: World) -> None:
    world.look(*(seen(f"A{n}", f"{n}.JPG") for n in range(40)))
    world.work_off()
    world.look(gone=tuple(f"A{n}" for n in range(25)))
    assert "vanished" in world_setting(world, "frozen")
    assert {row.local for row in media(world)} == {"backup"}


def test_an_impossible_report_is_kept_aside_and_its_neighbours_count(world: World) -> None:
    world.look(seen("A"))
    good = world._download(
        work_items.DownloadWork.model_validate_json(
            next(d for d in world.due if d.task.stage == "download").body
        )
    )
    bad = events.AlbumReturned(
        id="nonsense", at=world.clock.now(), stage="return", key=99, attempt=1, asset="A"
    )
    world.store.applied()
    world.say(bad, good)
    assert world.store.applied() == {good.id}
    assert media(world)[0].local == "backup"
    with world.engine.connect() as connection:
        assert connection.execute(select(schema.rejected.c.report_id)).scalars().all() == [
            "nonsense"
        ]


def test_pending_says_what_would_go_and_why_the_rest_stays(world: World) -> None:
    to_the_album(world)
    world.look(seen("B", "other.JPG"))
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    rows = {row["asset"]: row for row in answers.pending(questions.AskRows()).rows}
    assert rows["A"]["verdict"] == "keep"
    assert "has not waited" in " ".join(rows["A"]["reasons"])
    assert "not downloaded" in " ".join(rows["B"]["reasons"])


def test_the_brakes_stop_at_their_number_until_the_very_asset_is_approved(engine: Engine) -> None:
    world = World(
        engine,
        Rules(enabled=True, google_level=GoogleLevel.FREED, max_items_run=1, max_percent_day=100),
    )
    world.look(seen("A", "a.JPG"), seen("B", "b.JPG"))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert len(world.deleted) == 1
    (left,) = {"A", "B"} - world.deleted
    Orders(world.store, world.clock).approve(questions.Order(assets=(left,)))
    world.clock.pass_by(timedelta(minutes=30))
    world.wake()
    world.work_off()
    assert len(world.deleted) == 2


def test_status_counts(world: World) -> None:
    world.look(seen("A"))
    world.work_off()
    status = Answers(world.store, world.truth, world.policy, world.clock).status(
        questions.AskStatus()
    )
    assert status.counts["local"] == {"backup": 2}
    assert status.totals["assets"] == 1
    assert status.looked
    assert (status.totals["bytes_compressed_from"], status.totals["bytes_reclaimable"]) == (0, 0)


def test_what_compression_made_counts_as_reclaimable_while_the_original_is_kept(
    world: World,
) -> None:
    to_the_album(world)
    ask = Answers(world.store, world.truth, world.policy, world.clock)
    told = ask.status(questions.AskStatus()).totals
    assert (told["bytes_compressed_from"], told["bytes_compressed_to"]) == (100, 40)
    assert (told["bytes_reclaimable"], told["bytes_saved"]) == (60, 0)
    row = ask.media(questions.AskRows()).rows[0]
    assert (row["compression"], row["score"], row["tier"]) == ("archived", 81.5, "heavy")


def say_attention(world: World, key: str, *, raised: bool) -> None:
    now = world.clock.now()
    world.say(events.Attention(id=f"{key}{raised}{now}", at=now, key=key, text="x", raised=raised))
    world.clock.pass_by(timedelta(seconds=1))


def test_a_failed_look_at_icloud_keeps_everything_until_one_works(world: World) -> None:
    to_the_album(world)
    say_attention(world, "downloader:icloud-look", raised=True)
    say_attention(world, "downloader:*", raised=False)  # it was started anew and has not looked yet
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    (row,) = answers.pending(questions.AskRows()).rows
    assert "look at iCloud failed" in " ".join(row["reasons"])
    say_attention(world, "downloader:icloud-look", raised=False)
    world.clock.pass_by(timedelta(hours=1))
    world.wake()
    world.work_off()
    assert world.deleted == {"A"}


def test_a_service_that_starts_anew_voids_what_it_had_raised(world: World) -> None:
    say_attention(world, "nas_sync:nas_missing", raised=True)
    say_attention(world, "pixel_sync:x", raised=True)
    say_attention(world, "nas_sync:*", raised=False)
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    found = answers.status(questions.AskStatus()).attention
    assert [one["key"] for one in found] == ["pixel_sync:x"]


def test_a_cloned_disk_with_the_same_marker_voids_what_was_seen_on_the_other(world: World) -> None:
    world.look(seen("A"))
    world.work_off()
    world.file_system = "fs-2"
    world.look(seen("B"))
    world.work_off()
    assert {row.nas for row in media(world) if row.icloud_id == "A"} == {"void"}
    with world.engine.connect() as connection:
        history = connection.execute(
            select(schema.history.c.media_id).where(schema.history.c.new == "void")
        ).all()
    assert len(history) == 2
    world.wake()
    world.work_off()
    assert {row.nas_file_system for row in media(world)} == {"fs-2"}


def test_a_missing_nas_keeps_everything_until_it_was_verified_again(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    say_attention(world, "nas_sync:nas_missing", raised=True)
    say_attention(world, "nas_sync:*", raised=False)
    world.wake()
    world.work_off(without=("verify",))
    assert not world.deleted
    world.work_off()
    assert world.deleted == {"A"}


def test_an_approval_ends_with_a_change(engine: Engine) -> None:
    world = World(
        engine,
        Rules(enabled=True, google_level=GoogleLevel.FREED, max_items_run=0, max_percent_day=0),
    )
    to_the_album(world)
    order = questions.Order(assets=("A",))
    assert Orders(world.store, world.clock).approve(order).changed == 1
    assert asset(world).approved
    world.look(seen("A", tag="t2", resources=(("original", "c-A"), ("edited", "new"))))
    assert not asset(world).approved
    assert Orders(world.store, world.clock).approve(order).changed == 0, (
        "it is not pending any more"
    )


def test_an_outcome_of_another_stage_ends_nothing(world: World) -> None:
    world.look(seen("A"))
    world.work_off(without=("nas",))
    due = next(due for due in world.due if due.task.stage == "nas")
    work = work_items.FileWork.model_validate_json(due.body)
    world.say(
        work.outcome(events.Left, world.clock.now(), reason="no", tier="heavy", readable=True)
    )
    world.answer(due)
    assert media(world)[due.task.key - 1].nas == "verified"


def test_what_vanished_in_a_suspect_way_is_confirmed_only_by_name(world: World) -> None:
    world.look(seen("A"))
    world.work_off()
    world.say(
        events.GoogleSuspect(
            id="s", at=world.clock.now(), media=1, asset="A", reason="all were deleted at once"
        )
    )
    orders = Orders(world.store, world.clock)
    assert orders.confirm_freed(questions.Order(everything=True)).changed == 0
    assert orders.confirm_freed(questions.Order(assets=("A",))).changed == 1
    assert (media(world)[0].google, media(world)[0].google_objection) == ("confirmed", None)


def to_deleted(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert world.deleted == {"A"}


def test_a_purge_that_was_handed_out_asks_again_before_it_removes(world: World) -> None:
    to_deleted(world)
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off(without=("purge",))
    (purge,) = world.due
    world.archive = "archive-2"
    world.due = []
    world.look(seen("B", "b.JPG"))
    world.work_off(without=("purge",))
    world.answer(purge)
    assert not world.removed
    assert {row.local for row in media(world) if row.icloud_id == "A"} == {"delete_pending"}


def test_nothing_is_purged_while_deletion_is_frozen(world: World) -> None:
    to_deleted(world)
    world.truth.freeze("bit rot")
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off()
    assert not world.removed


def test_a_restored_photo_gets_no_second_permit_from_an_old_message(world: World) -> None:
    world.look(*(seen(f"X{n}", f"x{n}.JPG") for n in range(5)))
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    old = next(due for due in world.due if due.task.stage == "delete")
    work = work_items.AssetWork.model_validate_json(old.body)
    world.work_off()
    world.deleted.clear()
    world.look(seen("A", tag="t3"))
    world.work_off()
    assert asset(world).removal == "restored"
    again = world.claim(work, change_tag="t3")
    assert (again.permit, again.reasons) == (None, ("this order is out of date",))


def test_a_copy_that_is_lost_after_the_purge_is_called_out_while_icloud_can_still_restore(
    world: World,
) -> None:
    to_deleted(world)
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off()
    assert asset(world).removal == "purged"
    world.archive = "archive-2"
    world.look(seen("B", "b.JPG"))
    world.work_off()
    world.wake()
    assert {"copies-missing", "archive-changed"} <= told(world)
    Orders(world.store, world.clock).unfreeze(questions.Order())
    assert "archive-changed" not in told(world)
    world.wake()
    assert "copies-missing" in told(world), "it is so still"
    assert "deletion-frozen" not in told(world), "and the person knows it"
    world.archive = "archive-1"
    world.look(seen("C", "c.JPG"))
    world.work_off()
    Orders(world.store, world.clock).unfreeze(questions.Order())
    world.wake()
    world.work_off()
    assert "copies-missing" not in told(world), "the former disk is back, and was read"


def told(world: World) -> set[str]:
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    return {one["key"] for one in answers.status(questions.AskStatus()).attention}


def test_purged_photos_are_read_back_after_a_restore_and_count_again(world: World) -> None:
    to_deleted(world)
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off()
    with world.engine.begin() as connection:
        distrust(connection, world.clock.now())
    world.clock.pass_by(timedelta(minutes=1))
    world.wake()
    world.work_off()
    assert "copies-missing" not in told(world)
    assert {row.nas for row in media(world)} == {"verified"}


def test_a_deletion_that_happened_before_books_were_restored_is_taken_as_the_fact_that_it_is(
    world: World,
) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    work = work_items.AssetWork.model_validate_json(world.due[0].body)
    assert world.claim(work).permit is not None
    world.deleted.add("A")
    world.due.clear()
    with world.engine.begin() as connection:
        distrust(connection, world.clock.now())
    world.clock.pass_by(timedelta(hours=1))
    world.look()
    world.tick()
    world.work_off()
    assert asset(world).removal == "deleted"


def test_purged_photos_are_read_back_on_the_nas_before_icloud_forgets_them(world: World) -> None:
    to_deleted(world)
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off()
    before = {one for one in world.done if one.startswith("verify:")}
    world.clock.pass_by(18 * DAY)
    world.wake()
    world.work_off()
    assert len({one for one in world.done if one.startswith("verify:")} - before) == 2


def test_a_photo_taken_out_and_touched_stays_out(world: World) -> None:
    to_the_album(world)
    world.in_album.clear()
    world.look(seen("A", tag="t2", favorite=True, resources=(("original", "c-A"), ("edited", "e"))))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    assert asset(world).removal == "vetoed"
    assert not world.in_album


def test_favourites_that_wait_already_are_kept_when_the_person_says_so(engine: Engine) -> None:
    world = World(engine)
    to_the_album(world)
    world.look(seen("A", tag="t1b", favorite=True))
    world.work_off()
    object.__setattr__(world.policy, "never_delete", ("favorites",))
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off()
    assert not world.deleted


def test_a_veto_counts_while_a_permit_is_out(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    work = work_items.AssetWork.model_validate_json(world.due[0].body)
    assert world.claim(work).permit is not None
    assert Orders(world.store, world.clock).veto(questions.Order(assets=("A",))).changed == 1
    world.clock.pass_by(timedelta(minutes=2))
    assert world.claim(work).permit is None


def test_a_whole_library_gone_freezes_deletion_however_large_it_is(world: World) -> None:
    for start in range(0, 3000, 500):
        world.look(*(seen(f"A{n}", f"{n}.JPG") for n in range(start, start + 500)))
    for start in range(0, 3000, 500):
        world.look(gone=tuple(f"A{n}" for n in range(start, start + 500)))
    assert "vanished" in world_setting(world, "frozen")


def test_a_report_about_another_asset_counts_for_nothing(world: World) -> None:
    world.look(seen("A"))
    due = next(due for due in world.due if due.task.key == 1)
    work = work_items.DownloadWork.model_validate_json(due.body)
    report = world._download(work).model_copy(update={"asset": "B"})
    world.say(report)
    assert media(world)[0].local == "wanted"


def test_a_new_disk_that_lacks_the_copy_is_a_new_disk_and_no_mismatch(world: World) -> None:
    world.look(seen("A"))
    world.work_off()
    world.clock.pass_by(2 * DAY)
    row = media(world)[0]
    with world.store.transaction(world.clock.now()) as transaction:
        transaction.load_assets([1])
        from services.state.policy.facts import Task

        transaction.books.put_task(Task("verify", row.id, 1, "all", state="out"))
        transaction.write([])
    world.say(
        events.NasMismatch(
            id="m", at=world.clock.now(), stage="verify", key=row.id, attempt=1, asset="A",
            path="x", reason="it is not there", archive="archive-2", file_system="fs-2",
        )
    )  # fmt: skip
    assert world_setting(world, "frozen") == "None"
    world.archive, world.file_system = "archive-2", "fs-2"
    world.wake()
    world.work_off()
    assert {row.nas for row in media(world)} == {"verified"}


def test_a_photo_from_the_end_of_time_stops_nothing(world: World) -> None:
    world.look(seen("A", created=datetime(9999, 12, 20, tzinfo=UTC)), seen("B", "b.JPG"))
    world.work_off()
    world.google(GoogleLevel.FREED)
    world.work_off()
    world.wake()
    assert asset(world, "B").removal == "pending"


def test_the_brakes_are_asked_before_a_deletion_is_wished_for(engine: Engine) -> None:
    world = World(
        engine,
        Rules(enabled=True, google_level=GoogleLevel.FREED, max_items_day=1, max_percent_day=100),
    )
    world.look(*(seen(f"A{n}", f"{n}.JPG") for n in range(20)))
    world.work_off()
    for level in (GoogleLevel.SETTLED, GoogleLevel.FREED):
        world.google(level)
    world.work_off()
    world.clock.pass_by(15 * DAY)
    for _ in range(12):
        world.wake()
        world.work_off()
        world.clock.pass_by(timedelta(minutes=10))
    assert len(world.deleted) == 1
    assert len([one for one in world.done if one.startswith("delete:")]) == 1


def test_a_lost_rendition_is_made_anew(world: World) -> None:
    world.look(seen("A"))
    world.work_off(without=("rendition",))
    world.google(GoogleLevel.SETTLED)
    world.work_off(without=("rendition",))
    (due,) = world.due
    work = work_items.RenditionWork.model_validate_json(due.body)
    world.due = []
    world.say(work.outcome(events.RenditionLost, world.clock.now(), reason="it is gone"))
    world.clock.pass_by(timedelta(hours=6))
    world.tick()
    world.work_off()
    assert media(world)[0].compression == "archived"
    assert len([one for one in world.done if one.startswith("compress:")]) == 2


def test_work_that_no_worker_survives_ends_in_quarantine(world: World) -> None:
    world.look(seen("A"))
    due = next(due for due in world.due if due.task.key == 1)
    world.truth.published([(due.task, 17)])
    world.truth.give_up("download", 17, 50)
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    (row,) = answers.failures(questions.AskRows()).rows
    assert row["stage"] == "download"
    assert "50 times" in row["reason"]


def test_deaths_of_workers_count_although_nothing_is_wished_for_now_and_then(world: World) -> None:
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    for number in range(RINGS + 1):
        world.look(seen("A", tag=f"t{number}"))
        due = next(due for due in world.due if due.task.key == 1)
        world.due = []
        world.truth.published([(due.task, number)])
        assert answers.failures(questions.AskRows()).rows == ()
        world.truth.ring_again([("download", 1)])
        world.look(gone=("A",))
    assert [row["stage"] for row in answers.failures(questions.AskRows()).rows] == ["download"]


def test_status_says_what_failed_and_when_it_comes_again(world: World) -> None:
    world.look(seen("A", "beach.JPG"))
    due = next(due for due in world.due if due.task.key == 1)
    work = work_items.DownloadWork.model_validate_json(due.body)
    world.say(work.outcome(events.Failed, world.clock.now(), lasting="transient", reason="no line"))
    answers = Answers(world.store, world.truth, world.policy, world.clock)
    (row,) = answers.status(questions.AskStatus()).retrying
    assert (row["stage"], row["filename"], row["reason"]) == ("download", "beach.JPG", "no line")
    assert row["due_at"] > world.clock.now().isoformat()
