"""What a person can choose: what Google receives, sidecars, folders; and whose files are whose."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from services.state import schema
from services.state.database import open_database
from services.state.policy.google import GoogleRules
from shared.domain import events, work_items
from shared.domain.ids import asset_id
from tests.contracts.albums_case import (
    BEST,
    DAY,
    FAMILY,
    RULES,
    asset,
    days_later,
    google,
    member,
    pending_reasons,
    records,
    rows,
)
from tests.contracts.books_world import World, seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

ALONE = replace(RULES, without_google=True)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/media.db")
    yield opened
    opened.dispose()


def restarted(world: World, **policy: Any) -> World:
    """Start the state service on the same books with other rules."""
    again = World(world.engine, world.rules, **policy)
    again.clock, again.in_album = world.clock, world.in_album
    again.pages, again.placed = world.pages, world.placed
    again.truth = type(world.truth)(again.store, again.policy, world.clock, lambda _: True)
    again.claims = type(world.claims)(
        again.store, again.policy, world.clock, again.truth.situations
    )
    again.truth.take_rules()
    again.tick()
    again.work_off()
    return again


def staged(world: World) -> set[str]:
    return {row.icloud_id for row in rows(world) if row.google not in {"none", "exempt"}}


# ---- Google ---------------------------------------------------------------------------------


def test_only_an_album_is_sent_after_the_first_look_and_all_is_archived(engine: Engine) -> None:
    world = World(engine, RULES, google=GoogleRules(albums=("Best of",)))
    world.look(seen("A"), seen("B", "b.JPG"), joined=(member("b"),), final=False)
    world.work_off()
    assert staged(world) == set(), "nobody knew yet what is in the album"
    world.look(albums=(BEST,))
    world.tick()
    world.work_off()
    assert staged(world) == {"A"}
    assert {row.nas for row in rows(world)} == {"verified"}
    left_out = [row for row in rows(world) if row.icloud_id == "B" and row.resource == "original"]
    assert [row.compression for row in left_out] == ["archived"], "compression waited for Google"
    google(world)
    days_later(world)
    assert world.deleted == {"A"}
    assert "google.albums" in pending_reasons(world, "B")
    world.look(joined=(member("b", "B"),))
    world.work_off()
    assert staged(world) == {"A", "B"}


def test_what_is_left_out_goes_on_its_nas_copy_alone_only_when_told(engine: Engine) -> None:
    world = World(engine, ALONE, google=GoogleRules(kinds=("video",)))
    world.look(seen("A"))
    world.work_off()
    days_later(world)
    assert world.deleted == {"A"}
    assert staged(world) == set()


def test_what_was_sent_stays_sent_and_is_waited_for(engine: Engine) -> None:
    world = World(engine, ALONE)
    world.look(seen("A"))
    world.work_off()
    assert staged(world) == {"A"}
    world = restarted(world, google=GoogleRules(send=()))
    days_later(world)
    assert not world.deleted
    assert "Google Photos' evidence" in pending_reasons(world)
    google(world)
    days_later(world)
    assert world.deleted == {"A"}


def test_a_typo_in_the_album_to_send_deletes_nothing(engine: Engine) -> None:
    world = World(engine, ALONE, google=GoogleRules(albums=("Bset of",)))
    world.look(seen("A"), albums=(BEST,), joined=(member("b"),))
    world.work_off()
    days_later(world)
    assert asset(world).removal == "none"
    assert "iCloud has no album 'Bset of'" in pending_reasons(world)


def test_a_hidden_photo_stays_out_of_google_until_the_person_sends_it(engine: Engine) -> None:
    world = World(engine, RULES)
    world.look(seen("A", hidden=True))
    world.work_off()
    assert staged(world) == set()
    world = restarted(world, google=GoogleRules(hidden=True))
    assert staged(world) == {"A"}


# ---- rules that change ----------------------------------------------------------------------


def test_a_changed_rule_counts_for_what_was_done_with_already(engine: Engine) -> None:
    world = World(engine, replace(RULES, enabled=False))
    world.look(seen("A"))
    world.work_off()
    google(world)
    assert asset(world).removal == "none"
    world.rules = RULES
    world = restarted(world)
    assert asset(world).removal == "pending"
    assert asset(world).wake_at > world.clock.now(), "it waits for the end of its dwell"
    before = asset(world).wake_at
    world.truth.take_rules()
    assert asset(world).wake_at == before, "the same rules woke everything"


def test_the_pending_album_has_the_name_that_the_settings_give_it(engine: Engine) -> None:
    world = World(engine, RULES, pending_album="Family")
    world.look(seen("A"), albums=(FAMILY, BEST), joined=(member("f"), member("b")))
    world.work_off()
    (work,) = [w for w in world.works if isinstance(w, work_items.DownloadWork) and w.albums]
    assert work.albums == ("Best of",)


# ---- sidecars and folders -------------------------------------------------------------------


def test_a_sidecar_lies_beside_the_photo_and_follows_its_record(engine: Engine) -> None:
    world = World(engine, RULES, sidecars=True)
    both = (("original", "c-A"), ("live", "m-A"))
    world.look(seen("A", resources=both), albums=(FAMILY,), joined=(member("f"),))
    world.work_off()
    paths = {row.resource: row.path for row in rows(world)}
    assert paths["sidecar"] == "2020/05/IMG_0001.xmp"
    assert paths["original"].removesuffix(".JPG") == paths["live"].removesuffix(".MOV")
    (sidecar,), (record,) = records(world, "sidecar"), records(world)
    assert sidecar.checksum == record.checksum
    assert (sidecar.nas, sidecar.google, sidecar.compression) == ("verified", "exempt", "exempt")
    works = {w.resource.value: w for w in world.works if isinstance(w, work_items.DownloadWork)}
    assert works["sidecar"].albums == ("Family",)
    world.look(parted=(member("f"),))
    world.work_off()
    assert [row.nas for row in records(world, "sidecar")] == ["verified", "verified"]


def test_sidecars_that_are_switched_on_later_are_made_for_all_and_switched_off_hold_nothing_up(
    engine: Engine,
) -> None:
    world = World(engine, RULES)
    world.look(seen("A"))
    world.work_off()
    assert not records(world, "sidecar")
    world = restarted(world, sidecars=True)
    (sidecar,) = records(world, "sidecar")
    assert (sidecar.current, sidecar.nas) == (True, "verified")
    world.look(seen("B", "b.JPG"))
    world.due = []
    world = restarted(world)
    states = {row.icloud_id: (row.current, row.local) for row in records(world, "sidecar")}
    assert states == {"A": (False, "backup"), "B": (False, "superseded")}
    google(world)
    days_later(world)
    assert "A" in world.deleted


def test_without_its_sidecar_archived_an_asset_stays(engine: Engine) -> None:
    world = World(engine, RULES, sidecars=True)
    world.look(seen("A"))
    world.work_off(without=("nas",))
    (held,) = [due for due in world.due if due.task.key == records(world, "sidecar")[0].id]
    for due in [due for due in world.due if due is not held]:
        world.answer(due)
    world.due = [due for due in world.due if due.task.stage != "nas"]
    world.work_off()
    google(world)
    assert asset(world).removal == "none"
    assert "XMP sidecar" in pending_reasons(world)


def test_a_new_pattern_of_folders_is_for_new_assets_and_no_path_moves(engine: Engine) -> None:
    world = World(engine, RULES)
    world.look(seen("A"))
    world.work_off()
    before = [row.path for row in rows(world)]
    world = restarted(world, folders="Photos/{created:%Y-%m}")
    world.look(seen("A", tag="t2", resources=(("original", "c-A"), ("edited", "e"))), seen("B"))
    world.work_off()
    found = {(row.icloud_id, row.resource, row.checksum): row.path for row in rows(world)}
    assert [path for path in found.values() if path in before] == before
    assert found["A", "edited", "e"] == "2020/05/IMG_0001_edited.JPG"
    assert found["B", "original", "c-B"] == "Photos/2020-05/IMG_0001.JPG"


# ---- whose files are whose ------------------------------------------------------------------


def test_two_assets_that_share_a_master_keep_their_own_files_and_go_each_alone(
    engine: Engine,
) -> None:
    world = World(engine, RULES)
    shared = (("original", "same"), ("live", "same movie"))
    world.look(
        seen("A", tag="a/m", resources=shared),
        seen("B", tag="b/m", resources=(*shared, ("edited", "own"))),
    )
    world.work_off()
    google(world)
    paths = [row.path for row in rows(world)]
    assert len(paths) == len({path.casefold() for path in paths}) == 7
    assert {row.nas for row in rows(world)} == {"verified"}
    world.look(seen("B", tag="b2/m", resources=(*shared, ("edited", "own"), ("alternate", "new"))))
    world.clock.pass_by(15 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    work = next(d for d in world.due if d.task.stage == "delete")
    resources = (("original", "same"), ("live", "same movie"))
    claimed = world.claim(work_items.AssetWork.model_validate_json(work.body), resources=resources)
    assert claimed.permit is not None
    world.due = []
    done = work_items.AssetWork.model_validate_json(work.body).outcome(
        events.Deleted, world.clock.now(), permit=claimed.permit, expunged=None
    )
    world.say(done)
    world.clock.pass_by(8 * DAY)
    world.wake()
    world.work_off(without=("delete",))
    assert done.asset == "A"
    assert {r.local for r in rows(world) if r.icloud_id == "A"} == {"purged"}
    others = [r for r in rows(world) if r.icloud_id == "B" and r.current]
    assert {r.local for r in others} <= {"backup", "delete_pending"}
    assert {r.sha256 is not None for r in others} == {True}


def test_a_burst_is_as_many_assets_as_it_has_photos(engine: Engine) -> None:
    world = World(engine, RULES)
    world.look(*(seen(f"A{n}", "IMG_0001.JPG") for n in range(10)))
    world.work_off()
    originals = [row for row in rows(world) if row.resource == "original"]
    assert len({row.path for row in originals}) == 10
    google(world)
    world.look(gone=("A3",))
    days_later(world)
    world.clock.pass_by(DAY)
    kept = {row.icloud_id for row in rows(world, "asset") if row.removal != "deleted"}
    assert kept == {"A3"}
    assert {r.local for r in rows(world) if r.icloud_id == "A3"} == {"delete_pending"}


def test_an_asset_of_a_shared_zone_is_archived_and_never_put_into_the_album_or_permitted(
    engine: Engine,
) -> None:
    zone = "SharedSync-1"
    world = World(engine, RULES)
    name = asset_id(zone, "A")
    world.look(seen("A"), seen("C", "c.JPG"))
    world.look(seen(name, "s.JPG", zone=zone), zone=zone)  # without the downloader's `problem`
    world.work_off()
    google(world)
    days_later(world)
    assert world.deleted == {"A", "C"}
    theirs = asset(world, name)
    assert (theirs.removal, theirs.zone) == ("none", zone)
    assert {row.nas for row in rows(world) if row.icloud_id == name} == {"verified"}
    assert "not in the own library" in pending_reasons(world, name)
    assert all("not in the own library" in reasons for reasons in refused(world, name))


def refused(world: World, name: str) -> list[str]:
    """Claim a deletion as if the books held it for a candidate; return the reasons of each refusal."""
    key = asset(world, name).id
    theirs = schema.asset.c.id == key
    task = {
        "stage": "delete",
        "key": key,
        "asset_id": key,
        "lane": "all",
        "attempt": 1,
        "state": "out",
    }
    with world.engine.begin() as connection:
        connection.execute(schema.work.insert().values(**task, failures=0, rings=0))
        connection.execute(schema.asset.update().values(removal="pending").where(theirs))
    world.in_album.add(name)
    work = work_items.AssetWork(
        stage="delete",
        key=key,
        attempt=1,
        asset=name,
        created=world.clock.now(),
        zone=asset(world, name).zone,
        change_tag=asset(world, name).change_tag,
        files=(),
    )
    claims = [world.claim(work, zone=zone) for zone in (work.zone, "PrimarySync")]
    assert all(one.permit is None for one in claims)
    return [" ".join(one.reasons) for one in claims]


def test_how_far_a_pass_came_is_kept_with_the_page(engine: Engine) -> None:
    world = World(engine, RULES)
    world.look(since="", token="t1", final=False)
    with engine.connect() as connection:
        query = select(schema.setting.c.value).where(schema.setting.c.key == "pass PrimarySync")
        stored = json.loads(connection.execute(query).scalar_one())
    assert stored == {"number": 1, "next": ["t1", 0]}
