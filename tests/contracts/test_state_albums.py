"""Albums in the books: archived with each asset, protecting, never believed gone too early."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.state import schema
from services.state.database import open_database
from shared.domain import events, work_items
from shared.domain.icloud_records import record_checksum
from shared.domain.seen import AlbumSeen
from tests.contracts.albums_case import (
    BEST,
    DAY,
    FAMILY,
    PENDING,
    RULES,
    albums,
    asset,
    attention,
    days_later,
    first_pass,
    google,
    member,
    page,
    pending_reasons,
    record,
    records,
    rows,
    to_the_album,
)
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: what these rules say in SQL is held to both databases in test_state_stored."""
    opened = open_database(f"sqlite:///{tmp_path}/media.db")
    yield opened
    opened.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine, RULES)


# ---- the archived record --------------------------------------------------------------------


@pytest.mark.parametrize(
    "order", ["asset album member", "member album asset", "album asset member"]
)
def test_the_record_names_the_albums_in_whatever_order_icloud_shows_them(
    world: World, order: str
) -> None:
    parts: dict[str, dict[str, Any]] = {
        "asset": {"assets": (seen("A"),)},
        "album": {"albums": (FAMILY, BEST, PENDING)},
        "member": {"joined": (member("f"), member("b"), member("p"))},
    }
    names = order.split()
    for name in names:
        page = dict(parts[name])
        world.look(*page.pop("assets", ()), final=name == names[-1], **page)
        world.work_off()
    world.tick()
    world.work_off()
    (only,) = records(world)
    assert only.checksum == record_checksum("t1", ("Best of", "Family"))
    assert (only.local, only.nas) == ("backup", "verified")
    (work,) = [w for w in world.works if w.stage == "download" and w.key == only.id]
    assert isinstance(work, work_items.DownloadWork)
    assert work.albums == ("Best of", "Family")


def test_records_wait_for_the_end_of_the_first_look_and_photos_do_not(world: World) -> None:
    world.look(seen("A"), final=False)
    world.work_off()
    assert [(row.resource, row.local) for row in rows(world)] == [
        ("original", "backup"),
        ("record", "wanted"),
    ]
    world.look(seen("S", "s.JPG", zone="SharedSync-1"), zone="SharedSync-1")
    world.tick()
    world.work_off()
    assert record_of(world, "S").local == "backup"
    assert record_of(world, "A").local == "wanted", "another zone's look said nothing of this one"
    world.look()
    world.tick()
    world.work_off()
    assert record_of(world, "A").local == "backup"


def test_records_leave_the_line_to_photos_and_videos(world: World) -> None:
    world.look(seen("A", resources=(("original", "c-A"), ("live", "c-live"))))
    world.tick()
    lanes = {due.subject.removeprefix("job.download."): due.task.key for due in world.due}
    assert lanes.keys() == {"photo", "video", "metadata"}
    resource_of = {row.id: row.resource for row in rows(world)}
    assert resource_of[lanes["metadata"]] == "record"
    assert resource_of[lanes["photo"]] == "original"


def record_of(world: World, name: str) -> Any:
    (found,) = [row for row in records(world) if row.icloud_id == name and row.current]
    return found


def test_a_change_of_albums_is_a_new_record_and_nothing_else(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,))
    world.work_off()
    google(world)
    world.look(joined=(member("f"),))
    world.work_off()
    old, new = records(world)
    assert (old.current, new.current) == (False, True)
    assert (old.nas, new.nas) == ("verified", "verified")
    assert new.checksum == record_checksum("t1", ("Family",))
    assert new.path.endswith(".record_v2.json")
    world.look(parted=(member("f"),))
    world.work_off()
    assert record(world).id == old.id, "what was archived before counts again"


def test_a_record_whose_download_is_out_is_not_renamed(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,))
    (due,) = [one for one in world.due if one.task.key == record(world).id]
    world.look(joined=(member("f"),))
    world.answer(due)
    assert [row.checksum for row in records(world)] == ["t1", record_checksum("t1", ("Family",))]
    assert [row.local for row in records(world)] == ["superseded", "wanted"]


def test_an_order_for_a_record_is_not_repeated_with_other_albums(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,), joined=(member("f"),))
    (due,) = [one for one in world.due if one.task.key == record(world).id]
    world.due = []
    world.look(albums=(AlbumSeen(album="f", name="Kin"),))
    with world.store.transaction(world.clock.now()) as transaction:
        transaction.load_assets([1])
        names = transaction.books.assets[1].albums
    repeated = [one for one in world.truth.due_again() if one.task.key == due.task.key]
    assert names == ("Kin",)
    assert not repeated


# ---- while it waits in DeletePending --------------------------------------------------------


def test_photoducts_own_album_changes_nothing(world: World) -> None:
    to_the_album(world)
    world.look(joined=(member("p"),))
    world.work_off()
    assert len(records(world)) == 1


def test_a_change_of_albums_while_it_waits_costs_no_day_and_its_record_is_archived_first(
    world: World,
) -> None:
    to_the_album(world)
    since = asset(world).pending_since
    world.clock.pass_by(10 * DAY)
    world.look(joined=(member("b"),))
    world.work_off(without=("nas",))
    assert (asset(world).removal, asset(world).pending_since) == ("pending", since)
    world.clock.pass_by(5 * DAY)
    world.wake()
    world.work_off(without=("nas",))
    assert not world.deleted, "its record as it is now is not on the NAS"
    assert "the NAS holds no verified copy of its iCloud record" in pending_reasons(world)
    world.work_off()
    world.clock.pass_by(timedelta(minutes=10))
    world.wake()
    world.work_off()
    assert world.deleted == {"A"}
    assert {row.local for row in rows(world)} == {"delete_pending"}, "the new record was put away"
    days_later(world, 8)
    assert {row.local for row in rows(world)} == {"purged"}


def test_an_album_change_between_planning_and_claim_is_an_objection(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    (work,) = [
        STAGE_WORK.model_validate_json(d.body) for d in world.due if d.task.stage == "delete"
    ]
    with world.engine.begin() as connection:  # as after a change whose planning is still to come
        values = {"album": "f", "asset": "A", "zone": "PrimarySync", "pass_number": 0}
        connection.execute(schema.membership.insert().values(values))
    claimed = world.claim(work)
    assert (claimed.permit, claimed.veto) == (None, False)
    assert "record as it is now" in " ".join(claimed.reasons)


STAGE_WORK = work_items.AssetWork


def test_what_was_taken_out_while_a_late_record_is_put_away_stays_out(world: World) -> None:
    to_the_album(world)
    world.look(joined=(member("b"),))
    world.work_off()
    world.in_album.clear()
    days_later(world)
    assert asset(world).removal == "vetoed"
    assert not world.deleted
    assert not world.in_album


def test_an_edit_while_it_waits_still_begins_the_wait_anew(world: World) -> None:
    to_the_album(world)
    world.clock.pass_by(10 * DAY)
    world.look(seen("A", tag="t2"), joined=(member("b"),))
    world.work_off()
    assert asset(world).pending_since == world.clock.now()


# ---- albums that protect --------------------------------------------------------------------

PROTECTED = replace(RULES, never_delete_albums=("  family ",))


def test_what_is_in_an_album_that_protects_is_never_put_into_deletepending(engine: Engine) -> None:
    world = World(engine, PROTECTED)
    world.look(
        seen("A"), seen("B", "b.JPG"), albums=(FAMILY, BEST), joined=(member("f"), member("b", "B"))
    )
    world.work_off()
    google(world)
    days_later(world)
    assert (asset(world).removal, asset(world, "B").removal) == ("none", "deleted")
    assert world.in_album == {"B"}
    assert "deletion.never_delete_albums" in pending_reasons(world)


def test_what_comes_into_such_an_album_while_it_waits_is_kept(engine: Engine) -> None:
    world = World(engine, PROTECTED)
    to_the_album(world)
    world.look(joined=(member("f"),))
    days_later(world)
    assert not world.deleted
    assert "deletion.never_delete_albums" in pending_reasons(world)
    world.look(parted=(member("f"),))
    days_later(world, 1)
    assert world.deleted == {"A"}


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"kept_by_albums": ("Family",)}, "it is in the album 'Family'"),
        ({"albums_asked": ()}, "nobody looked"),
    ],
)
def test_the_look_at_the_moment_of_deletion_counts(
    engine: Engine, claim: dict[str, Any], reason: str
) -> None:
    world = World(engine, PROTECTED)
    to_the_album(world)
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    (work,) = [
        STAGE_WORK.model_validate_json(d.body) for d in world.due if d.task.stage == "delete"
    ]
    claimed = world.claim(work, **claim)
    assert claimed.permit is None
    assert reason in " ".join(claimed.reasons)
    assert world.claim(work).permit is not None


def test_a_name_that_no_album_has_is_told_once_and_until_there_is_one(engine: Engine) -> None:
    world = World(engine, PROTECTED)
    world.truth.take_rules()
    world.look(seen("A"), final=False)
    world.look(zone="SharedSync-1")
    assert not attention(world, "album-names"), "the first look had not ended"
    world.look(albums=(BEST,))
    (text,) = attention(world, "album-names")
    assert "'  family '" in text
    assert "deletion.never_delete_albums" in text
    raised = rows(world, "attention")[0].raised_at
    world.clock.pass_by(timedelta(hours=1))
    world.look()
    assert rows(world, "attention")[0].raised_at == raised
    world.look(albums=(FAMILY,))
    assert not attention(world, "album-names")
    world.look(gone=("f",))
    assert attention(world, "album-names")
    world.look(albums=(FAMILY,))
    assert not attention(world, "album-names")
    world.look(albums=(BEST,), since="", token="u1")
    assert attention(world, "album-names"), "a whole pass did not show it"


def test_a_folder_of_albums_is_no_album_that_could_protect(engine: Engine) -> None:
    world = World(engine, PROTECTED)
    world.look(albums=(FAMILY, AlbumSeen(album="x", name="2019", parent="f")))
    assert attention(world, "album-names")


# ---- a pass over the whole history ----------------------------------------------------------


def test_a_pass_that_goes_on_after_a_restart_counts_as_whole(world: World) -> None:
    first_pass(world)
    page(world, "", "u1", albums=(FAMILY, BEST), joined=(member("b"),))
    world.clock.pass_by(-timedelta(hours=2))  # even when the clock was set back meanwhile
    page(world, "u1", "u2", final=True)
    assert albums(world) == ("Best of",)


@pytest.mark.parametrize(
    "pages",
    [
        [("", "u1", 0, False), ("u2", "u3", 0, True)],  # a page is missing
        [("", "", 0, False), ("", "u1", 2, False), ("u1", "u2", 0, True)],  # a part of one
        [("", "", 1, False), ("", "u1", 2, False), ("u1", "u2", 0, True)],  # the first part
        [("u1", "u2", 0, True)],
        [(None, "u1", 0, False), (None, "u2", 0, True)],
    ],
)
def test_after_a_gap_nothing_is_taken_for_gone(world: World, pages: list[Any]) -> None:
    first_pass(world)
    for since, token, part, final in pages:
        world.look(since=since, token=token, part=part, final=final)
    assert albums(world) == ("Best of", "Family")


def test_a_pass_over_another_zone_ends_nothing_here(world: World) -> None:
    first_pass(world)
    world.look(since="", token="s1", zone="SharedSync-1")
    assert albums(world) == ("Best of", "Family")


def test_what_one_page_says_both_ways_counts_as_being_in_the_album(world: World) -> None:
    world.look(seen("A"), albums=(FAMILY,), joined=(member("f"),), parted=(member("f"),))
    assert albums(world) == ("Family",)
    world.look(parted=(member("f"),))
    assert albums(world) == ()


def test_pages_of_one_transaction_count_in_their_order(world: World) -> None:
    parts: tuple[dict[str, Any], ...] = (
        {"joined": (member("f"), member("b"))},
        {"assets": (seen("A"),), "parted": (member("f"),)},
        {"albums": (FAMILY, BEST)},
    )
    told = [
        events.PageSeen(
            id=f"p{n}",
            at=world.clock.now(),
            zone="PrimarySync",
            token=f"t{n}",
            final=n == 2,
            **fields,
        )
        for n, fields in enumerate(parts)
    ]
    world.say(*told)
    assert albums(world) == ("Best of",)
    assert record(world).checksum == record_checksum("t1", ("Best of",))


def test_the_own_looks_age_is_not_that_of_a_shared_library(world: World) -> None:
    world.look(seen("A"))
    world.clock.pass_by(4 * DAY)
    world.look(zone="SharedSync-1")
    with world.store.transaction(world.clock.now()) as transaction:
        assert not world.truth.situations.plain(transaction).listing_sane
        assert json.loads(transaction.books.settings["pass PrimarySync"] or "")["number"] == 0
