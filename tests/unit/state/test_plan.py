"""What an asset lacks is wished for, and nothing else; a deletion only when it may be wished for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.state.policy.facts import Task
from services.state.policy.plan import plan, settle
from services.state.policy.waking import LOOK_AGAIN, Plan
from shared.domain.ids import Resource
from shared.domain.pipeline import STAGES, Stage
from shared.domain.release import Keeping
from tests.unit.state.plan_case import (
    DAY,
    HERE,
    HOUR,
    NOW,
    OFF,
    ON,
    asset,
    books,
    deleted,
    media,
    pending,
    stages,
    wanted,
)

if TYPE_CHECKING:
    from services.state.policy.rules import Policy
    from shared.domain.gate import Situation


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"local": "wanted"}, {"download"}),
        ({"google": "none"}, {"pixel"}),
        ({"nas": "none"}, {"nas"}),
        ({"nas": "void"}, {"nas"}),
        ({"nas": "mismatch"}, set()),
        ({"compression": "none"}, {"compress"}),
        ({"compression": "none", "google": "arrived"}, set()),
        ({"compression": "none", "google": "refused"}, {"compress"}),
        ({"compression": "none", "nas": "none"}, {"nas"}),
        ({"compression": "compressed"}, {"rendition"}),
        ({"local": "superseded"}, set()),
        ({"local": "purged"}, set()),
        ({"local": "delete_pending"}, set()),
    ],
)
def test_each_file_gets_what_it_lacks(changes: dict[str, object], stage: set[str]) -> None:
    one = asset(media(1, Resource.ORIGINAL, **changes), media(2, Resource.RECORD))
    assert wanted(one, OFF) == {(name, 1) for name in stage}


def test_nothing_is_compressed_by_albums_that_are_not_known_yet() -> None:
    by_album, before = (
        replace(OFF, tier_albums=("Family",)),
        replace(HERE, zones_looked=frozenset()),
    )
    new = asset(media(1, compression="none"), albums=("Family",))
    assert stages(new, by_album, before) == set()
    assert stages(new, OFF, before) == {"compress"}
    assert stages(new, by_album) == {"compress"}


def test_what_icloud_no_longer_lists_is_not_downloaded_and_keeps_its_other_work() -> None:
    gone = asset(media(1, local="wanted"), media(2, nas="none"), listed=False)
    assert wanted(gone) == {("nas", 2)}


def test_an_asset_goes_into_the_album_when_everything_is_done_and_deletion_is_on() -> None:
    assert wanted(asset()) == {("album", 1)}
    assert wanted(asset(), OFF) == set()


def test_what_is_compressed_anew_counts_as_finished_meanwhile() -> None:
    one = asset(media(1, compression="renewing"), media(2, Resource.RECORD))
    assert wanted(one) == {("rendition", 1), ("album", 1)}
    due = asset(media(1, renew_at=NOW - HOUR), media(2, Resource.RECORD))
    assert wanted(due) == {("compress", 1), ("album", 1)}
    later = asset(media(1, renew_at=NOW + HOUR), media(2, Resource.RECORD))
    assert wanted(later) == {("album", 1)}
    assert plan(later, HERE, ON).wake_at == NOW + HOUR


def test_without_the_original_only_a_setting_makes_something_anew() -> None:
    gone: dict[str, Any] = {"nas": "released", "renew_at": NOW - HOUR}
    again = replace(ON, reencode=True)
    alone = asset(media(1, local="purged", **gone), removal="purged")
    assert wanted(alone) == set()
    assert wanted(alone, again) == {("compress", 1)}
    assert wanted(alone, again, replace(HERE, archive=None)) == set()
    other = asset(media(1, local="purged", rendition_path="r.jxl", **gone), removal="purged")
    assert wanted(other, again) == set(), "no decoder of the original's form reads it"
    here = asset(media(1, local="delete_pending", **gone), removal="deleted")
    assert ("compress", 1) in wanted(here), "the library has the original"


@pytest.mark.parametrize(
    "change",
    [
        {"listed": False},
        {"problem": "a resource of an unknown kind"},
        {"zone": "SharedSync-1", "problem": "shared"},
        {"created_date": NOW.isoformat()},
    ],
)
def test_an_asset_with_an_objection_stays_out_of_the_album(change: dict[str, object]) -> None:
    assert "album" not in stages(asset(**change))


def test_favourites_and_hidden_ones_stay_when_the_person_says_so() -> None:
    keep = replace(ON, never_delete=("favorites", "hidden"))
    assert stages(asset(), keep) == {"album"}
    assert stages(asset(favorite=True), keep) == set()
    assert stages(asset(hidden=True), keep) == set()
    assert stages(asset(favorite=True, hidden=True)) == {"album"}


def test_a_young_asset_is_looked_at_again_on_its_day() -> None:
    young = asset(created_date=(NOW - DAY).isoformat())
    assert plan(young, HERE, ON).wake_at == NOW + 29 * DAY


def test_a_deletion_is_wished_for_after_the_dwell_only() -> None:
    assert stages(pending()) == {"delete"}
    early = pending(pending_since=NOW - 13 * DAY)
    assert stages(early) == set()
    assert plan(early, HERE, ON).wake_at == NOW + DAY


@pytest.mark.parametrize(
    ("policy", "here"),
    [
        (OFF, HERE),
        (ON, replace(HERE, frozen="a mismatch")),
        (ON, replace(HERE, window_open=False)),
    ],
)
def test_no_deletion_is_wished_for_while_it_is_off_frozen_or_out_of_hours(
    policy: Policy, here: Situation
) -> None:
    assert stages(pending(), policy, here) == set()
    often, seldom = LOOK_AGAIN
    since = NOW - policy.deletion.dwell
    for held, rhythm in ((0 * HOUR, often), (4 * HOUR, 4 * HOUR / 8), (9 * HOUR, seldom)):
        one = pending(pending_since=since - held)
        assert plan(one, here, policy).wake_at == NOW + rhythm


def test_stale_evidence_is_renewed_before_a_deletion_is_wished_for() -> None:
    files = [
        media(1, nas_verified_at=NOW - DAY, local="delete_pending"),
        media(2, Resource.RECORD, local="delete_pending"),
    ]
    stale = pending(media=files)
    assert wanted(stale) == {("verify", 1)}


def test_a_kept_asset_is_left_alone_for_a_while() -> None:
    held = pending(hold_until=NOW + HOUR)
    assert stages(held) == set()
    assert plan(held, HERE, ON).wake_at == NOW + HOUR


def test_a_vetoed_asset_gets_its_local_files_back_and_nothing_else() -> None:
    moved = [media(1, local="delete_pending"), media(2, Resource.RECORD, local="delete_pending")]
    assert wanted(asset(*moved, removal="vetoed")) == {("return", 1)}
    assert wanted(asset(removal="vetoed")) == set()


def test_local_files_are_purged_days_later_on_fresh_evidence_only() -> None:
    assert stages(deleted(6, HOUR)) == set()
    assert wanted(deleted(8, 3 * DAY)) == {("verify", 1), ("verify", 2)}
    assert wanted(deleted(8, HOUR)) == {("purge", 1)}
    assert "purge" not in stages(deleted(8, HOUR, nas="mismatch"))
    assert "purge" not in stages(deleted(8, HOUR, nas="void"))
    assert stages(deleted(8, HOUR), replace(ON, local_purge_after=None)) == set()


def test_the_nas_is_read_once_more_before_icloud_forgets() -> None:
    for_ever = replace(ON, local_purge_after=None)
    assert stages(deleted(26, 26 * DAY), for_ever) == {"verify"}
    assert stages(deleted(26, DAY), for_ever) == set()


def test_a_task_that_is_no_longer_wanted_is_cancelled_and_one_wanted_again_gets_a_new_attempt() -> (
    None
):
    held, one = books(), asset()
    held.add(one)
    (task,) = settle(held, one, Plan([("album", 1)]))
    settle(held, one, Plan())
    assert task.state == "cancelled"
    assert settle(held, one, Plan([("album", 1)])) == [task]
    assert (task.state, task.attempt) == ("due", 2)


def test_what_is_in_quarantine_stays_there() -> None:
    held, one = books(), asset()
    held.add(one)
    task = Task("album", 1, 1, "all", state="quarantined")
    held.put_task(task)
    assert settle(held, one, Plan([("album", 1)])) == []
    assert task.state == "quarantined"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_is_wished_for_in_some_situation(stage: Stage) -> None:
    situations = (
        asset(media(1, local="wanted")),
        asset(media(1, google="none", nas="none")),
        asset(media(1, compression="none")),
        asset(media(1, compression="compressed")),
        asset(),
        pending(),
        pending(media=[media(1, nas_verified_at=NOW - DAY, local="delete_pending")]),
        asset(media(1, local="delete_pending"), removal="vetoed"),
        deleted(8, HOUR),
        deleted(41, HOUR, google="confirmed", local="purged"),
    )
    releasing = replace(ON, keeping=Keeping(40 * DAY))
    assert any(stage.name in stages(one, releasing) for one in situations)


def test_an_original_leaves_the_archive_only_after_the_local_file() -> None:
    """The purge of the local file rests on the archive's original."""
    releasing = replace(ON, keeping=Keeping(40 * DAY))
    assert stages(deleted(41, HOUR, google="confirmed"), releasing) == {"purge"}
    gone = deleted(41, HOUR, google="confirmed", local="purged")
    assert "release" in stages(gone, releasing)
    kept = replace(releasing, local_purge_after=None)
    assert "release" in stages(deleted(41, HOUR, google="confirmed"), kept)


def test_an_original_is_not_verified_while_its_first_rendition_sends_it_away() -> None:
    """The reader would meet the rendition at the original's place, and take it for a copy that differs."""
    leaving = {"compression": "renewing", "rendition_sha256": None}
    found = stages(deleted(25, 20 * DAY, local="purged", **leaving))
    assert "rendition" in found
    assert "verify" not in found
    assert "verify" in stages(deleted(25, 20 * DAY, local="purged"))
