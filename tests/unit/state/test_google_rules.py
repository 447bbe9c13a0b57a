"""What Google Photos receives: each setting leaves out what it names, waits where it cannot know, and holds nothing else up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.state.policy.google import GoogleRules
from services.state.policy.plan import before_album
from shared.domain.ids import Kind, Resource
from tests.unit.state.plan_case import HERE, ON, asset, media, wanted

if TYPE_CHECKING:
    from shared.domain.gate import Situation

EARLY = replace(HERE, zones_looked=frozenset())
ALL = GoogleRules(hidden=True)
LIVE = (media(1), media(2, Resource.LIVE, kind=Kind.VIDEO.value))


def sent(rules: GoogleRules, *files: Any, here: Situation = HERE, **changes: Any) -> set[int]:
    """Return the files that are wanted at Google, of an asset of which nothing was sent yet."""
    fresh = [replace(one, google="none") for one in files or (media(1),)]
    one = asset(*fresh, media(9, Resource.RECORD), media(8, Resource.SIDECAR), **changes)
    return {key for stage, key in wanted(one, replace(ON, google=rules), here) if stage == "pixel"}


def test_everything_is_sent_but_hidden_ones_unless_the_person_says_otherwise() -> None:
    every = (
        media(1),
        media(2, Resource.LIVE),
        media(3, Resource.EDITED),
        media(4, Resource.ALTERNATE),
    )
    assert sent(GoogleRules(), *every) == {1, 2, 3, 4}
    assert sent(GoogleRules(), hidden=True) == set()
    assert sent(ALL, hidden=True) == {1}


@pytest.mark.parametrize("name", ["original", "edited", "live", "alternate"])
def test_only_the_files_that_are_named_are_sent(name: str) -> None:
    every = [media(n, r) for n, r in enumerate(Resource, 1) if not r.is_metadata]
    (key,) = sent(replace(ALL, send=(name,)), *every)
    assert every[key - 1].resource == name


def test_a_live_photo_is_a_photo_with_its_movie() -> None:
    video = media(1, kind=Kind.VIDEO.value)
    assert sent(replace(ALL, kinds=("photo",)), *LIVE) == {1, 2}
    assert sent(replace(ALL, kinds=("photo",)), video) == set()
    assert sent(replace(ALL, kinds=("video",)), *LIVE) == set()
    assert sent(replace(ALL, kinds=("video",)), video) == {1}


def test_albums_and_favourites_choose() -> None:
    some, others = replace(ALL, albums=("Best of",)), replace(ALL, except_albums=("Work",))
    assert sent(some, albums=("Best of", "Work")) == {1}
    assert sent(some, albums=("Work",)) == set()
    assert sent(others, albums=("best OF", " work")) == set()
    assert sent(others, albums=()) == {1}
    assert sent(replace(ALL, favorites_only=True)) == set()
    assert sent(replace(ALL, favorites_only=True), favorite=True) == {1}


@pytest.mark.parametrize(
    "rules",
    [
        replace(ALL, albums=("Best of",)),
        replace(ALL, except_albums=("Work",)),
        replace(ALL, favorites_only=True),
    ],
)
def test_before_the_first_look_has_ended_nobody_knows_what_to_send(rules: GoogleRules) -> None:
    known: dict[str, Any] = {"albums": ("Best of",), "favorite": True}
    assert sent(rules, here=EARLY, **known) == set()
    assert sent(rules, **known) == {1}
    waits = asset(media(1, google="none", compression="none"), **known)
    assert wanted(waits, replace(ON, google=rules), EARLY) == set(), (
        "it was compressed, not knowing"
    )


def test_without_such_rules_nothing_waits_for_the_look() -> None:
    assert sent(ALL, here=EARLY) == {1}


def test_what_is_not_sent_is_archived_and_compressed_without_waiting_for_google() -> None:
    policy = replace(ON, google=replace(ALL, send=()))
    assert wanted(asset(media(1, google="none", nas="none")), policy) == {("nas", 1)}
    assert wanted(asset(media(1, google="none", compression="none")), policy) == {("compress", 1)}
    sent_before = asset(media(1, google="staged", compression="none"))
    assert wanted(sent_before, policy) == set(), "what was sent is waited for"


LEFT_OUT = [
    (replace(ALL, send=("edited",)), {}, "google.send"),
    (replace(ALL, kinds=("video",)), {}, "google.kinds"),
    (replace(ALL, albums=("Best of",)), {}, "google.albums"),
    (replace(ALL, except_albums=("Work",)), {"albums": ("Work",)}, "google.except_albums"),
    (replace(ALL, favorites_only=True), {}, "google.favorites_only"),
    (GoogleRules(), {"hidden": True}, "google.hidden"),
]


@pytest.mark.parametrize(("rules", "changes", "setting"), LEFT_OUT, ids=lambda one: str(one)[:30])
def test_what_is_left_out_stays_in_icloud_and_says_by_which_setting(
    rules: GoogleRules, changes: dict[str, Any], setting: str
) -> None:
    one = asset(media(1, google="none"), media(2, Resource.RECORD), **changes)
    policy = replace(ON, google=rules)
    (reason,) = before_album(one, HERE, policy)
    assert (reason.code, setting in reason.text) == ("google", True)
    alone = replace(policy, deletion=replace(ON.deletion, without_google=True))
    assert wanted(one, alone) == {("album", 1)}


@pytest.mark.parametrize("objection", ["no", None])
@pytest.mark.parametrize("state", ["refused", "suspect", "staged", "arrived", "settled"])
def test_what_was_sent_or_refused_never_goes_on_its_nas_copy_alone(
    state: str, objection: str | None
) -> None:
    deletion = replace(ON.deletion, without_google=True)
    policy = replace(ON, google=replace(ALL, send=()), deletion=deletion)
    one = asset(media(1, google=state, google_objection=objection), media(2, Resource.RECORD))
    assert {reason.code for reason in before_album(one, HERE, policy)} == {"google"}


def test_nothing_goes_without_google_while_the_album_to_send_does_not_exist() -> None:
    deletion = replace(ON.deletion, without_google=True)
    policy = replace(ON, google=replace(ALL, albums=("Bset of",)), deletion=deletion)
    one = asset(media(1, google="none"), media(2, Resource.RECORD), albums=("Best of",))
    assert wanted(one, policy) == {("album", 1)}
    doubt = replace(HERE, album_doubt="iCloud has no album 'Bset of'")
    assert wanted(one, policy, doubt) == set()


# ---- kinds that are never deleted -----------------------------------------------------------

VIDEO = asset(media(1, kind=Kind.VIDEO.value), media(9, Resource.RECORD))
LIVE_PHOTO = asset(media(1), media(2, Resource.LIVE, kind="video"), media(9, Resource.RECORD))
RAW = asset(media(1, path="2020/05/a.dng"), media(9, Resource.RECORD))
TWIN = asset(media(1), media(2, Resource.ALTERNATE), media(9, Resource.RECORD))
PLAIN = asset()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("videos", [VIDEO]),
        ("live", [LIVE_PHOTO]),
        ("raw", [RAW, TWIN]),
        ("favorites", [asset(favorite=True)]),
        ("hidden", [asset(hidden=True)]),
    ],
)
def test_a_kind_that_is_never_deleted_stays_and_all_others_go(name: str, kept: list[Any]) -> None:
    policy = replace(ON, never_delete=(name,), google=ALL)
    for one in (VIDEO, LIVE_PHOTO, RAW, TWIN, PLAIN, asset(favorite=True), asset(hidden=True)):
        reasons = before_album(one, HERE, policy)
        assert bool(reasons) is (one in kept)
        assert all("deletion.never_delete" in reason.text for reason in reasons)


def test_an_asset_of_another_zone_never_goes_into_the_album() -> None:
    (reason,) = before_album(asset(zone="SharedSync-1"), HERE, ON)
    assert reason.code == "zone"
