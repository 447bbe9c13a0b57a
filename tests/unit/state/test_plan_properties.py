"""Planning wishes only for what exists and may be wished for, and twice for the same, whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from services.state.policy.bodies import body
from services.state.policy.facts import ASSET_STAGES, Asset
from services.state.policy.google import GoogleRules
from services.state.policy.plan import plan, settle
from services.state.policy.returning import fetch_back
from shared.domain.ids import Kind, Resource
from shared.domain.pipeline import STAGE
from shared.domain.release import Keeping
from shared.domain.states import MOVES
from tests.unit.state.plan_case import (
    DAY,
    HERE,
    HOUR,
    NOW,
    OFF,
    ON,
    asset,
    books,
    media,
    stages,
    wanted,
)

if TYPE_CHECKING:
    from services.state.policy.facts import Media
    from services.state.policy.rules import Policy


def states(machine: str) -> st.SearchStrategy[str]:
    return st.sampled_from([state for state in MOVES[machine] if state])


moments = st.sampled_from([NOW - 400 * DAY, NOW - 20 * DAY, NOW - DAY, NOW - HOUR, NOW])
any_media = st.builds(
    media,
    st.integers(1, 5),
    st.sampled_from(Resource),
    current=st.booleans(),
    local=states("local"),
    google=states("google"),
    nas=states("nas"),
    nas_verified_at=st.none() | moments,
    nas_archive=st.sampled_from([HERE.archive, "another"]),
    compression=states("compression"),
    renew_at=st.none() | moments,
    kind=st.sampled_from([kind.value for kind in Kind]),
)
any_asset = st.builds(
    asset,
    any_media,
    any_media.map(lambda one: replace(one, id=9)),
    listed=st.booleans(),
    removal=states("removal"),
    pending_since=st.none() | moments,
    deleted_at=st.none() | moments,
    hold_until=st.none() | moments,
    problem=st.none() | st.just("odd"),
    favorite=st.booleans(),
    hidden=st.booleans(),
    albums=st.sampled_from([(), ("Family",), ("Best of", "Family")]),
    zone=st.sampled_from(["PrimarySync", "PrimarySync", "SharedSync-1"]),
)
some_google = st.builds(
    GoogleRules,
    send=st.sampled_from([(), ("original",), ("original", "edited", "live", "alternate")]),
    kinds=st.sampled_from([("photo",), ("photo", "video")]),
    albums=st.sampled_from([(), ("best of",)]),
    except_albums=st.sampled_from([(), ("Family",)]),
    favorites_only=st.booleans(),
    hidden=st.booleans(),
)
some_deletion = st.builds(
    replace,
    st.sampled_from([ON.deletion, OFF.deletion]),
    never_delete_albums=st.sampled_from([(), ("FAMILY",)]),
    without_google=st.booleans(),
)
policies = st.builds(
    replace,
    st.sampled_from([ON, replace(ON, local_purge_after=None)]),
    deletion=some_deletion,
    google=some_google,
    keeping=st.sampled_from([Keeping(), Keeping(31 * DAY)]),
    never_delete=st.sampled_from([(), ("favorites",), ("videos", "raw")]),
)


@given(any_asset, policies)
def test_wishes_are_for_stages_that_exist_with_keys_that_fit(one: Asset, policy: Policy) -> None:
    keys = {media.id for media in one.media}
    for stage, key in plan(one, HERE, policy).wanted:
        assert stage in STAGE
        assert key == one.id if stage in ASSET_STAGES else key in keys


@given(any_asset, policies)
def test_a_plan_never_wishes_what_could_cost_a_photo(one: Asset, policy: Policy) -> None:
    wishes = stages(one, policy)
    if "delete" in wishes:
        assert one.removal in {"pending", "intent"}
        assert policy.deletion.enabled or one.removal == "intent"
    if "album" in wishes:
        assert one.removal in {"none", "pending"}
        assert policy.deletion.enabled
        assert one.listed
        assert one.zone == "PrimarySync"
    if wishes & {"album", "delete"} and one.removal != "intent":
        assert not ("Family" in one.albums and policy.deletion.never_delete_albums)
        assert not (one.favorite and "favorites" in policy.never_delete)
        for m in one.current:
            assert m.nas == "verified"
            assert m.google not in {"none", "refused", "suspect"} or may_do_without(one, m, policy)
    if "purge" in wishes:
        assert one.removal == "deleted"
        assert all(m.nas == "verified" for m in one.media if m.on_disk)
    if one.removal in {"vetoed", "restored", "purged"}:
        assert not wishes & {"album", "delete", "purge"}


@given(any_asset, policies)
def test_an_original_is_wished_away_only_behind_its_rendition_and_with_googles_proof(
    one: Asset, policy: Policy
) -> None:
    for m in one.media:
        if ("release", m.id) in wanted(one, policy):
            assert policy.keeping.after_deletion is not None
            assert one.removal in {"deleted", "purged"}
            assert (m.nas, m.compression) == ("verified", "archived")
            assert m.google in {"confirmed", "takeout"}


@given(any_asset, policies, st.booleans())
def test_whatever_is_back_in_icloud_is_in_the_archive_or_on_its_way_there(
    one: Asset, policy: Policy, twice: bool
) -> None:
    one.removal, held = "restored", books()
    held.add(one)
    for _ in range(1 + twice):
        fetch_back(held, one, HERE)
    wishes = wanted(one, policy)
    assert not {stage for stage, _ in wishes} & {"album", "delete", "purge", "release"}
    for m in one.current:
        asked = {("nas", m.id), ("verify", m.id)} & wishes
        on_its_way = asked or m.local in {"wanted", "superseded"}
        assert m.nas == "verified" or on_its_way or not one.listed


@given(any_asset, policies)
def test_what_the_archive_lost_is_archived_again_from_the_original_that_is_here(
    one: Asset, policy: Policy
) -> None:
    held = books()
    held.add(one)
    lost = [m for m in one.media if m.on_disk and m.nas == "mismatch"]
    fetch_back(held, one, HERE)
    wishes = wanted(one, policy)
    assert all(("nas", m.id) in wishes for m in lost)


@given(any_asset, policies)
def test_nothing_is_done_anew_while_a_permit_is_out(one: Asset, policy: Policy) -> None:
    if one.removal == "intent":
        again = {m.id for m in one.media if m.compression in {"archived", "left", "renewing"}}
        begun = {key for stage, key in wanted(one, policy) if stage in {"compress", "rendition"}}
        assert not again & begun, "a copy would be moved while a permit is out"


def may_do_without(one: Asset, media: Media, policy: Policy) -> bool:
    left_out = policy.google.leaves_out(one, media) is not None
    known = media.google == "none" and left_out and policy.deletion.without_google
    return Resource(media.resource).is_metadata or known


@given(any_asset, policies)
def test_nothing_is_sent_that_the_person_left_out(one: Asset, policy: Policy) -> None:
    sent = {key for stage, key in wanted(one, policy) if stage == "pixel"}
    kept = {m.id for m in one.media if policy.google.leaves_out(one, m) is not None}
    assert not sent & kept


@given(any_asset, policies)
def test_every_wish_becomes_a_task_whose_message_fits_its_stage(one: Asset, policy: Policy) -> None:
    held = books()
    held.add(one)
    for task in settle(held, one, plan(one, HERE, policy)):
        stage = STAGE[task.stage]
        message = body(one, task)
        assert type(message) is stage.work
        assert task.lane in stage.lanes
        assert type(message).model_validate_json(message.model_dump_json()) == message
        assert (message.stage, message.key, message.attempt) == (task.stage, task.key, 1)
        if task.stage in {"compress", "nas"}:
            told = getattr(message, "albums", None)
            assert told == (one.albums if task.stage == "compress" else ())


@given(any_asset, policies)
def test_planning_twice_wants_the_same_and_adds_nothing(one: Asset, policy: Policy) -> None:
    held = books()
    held.add(one)
    made = plan(one, HERE, policy)
    assert len(settle(held, one, made)) == len(set(made.wanted))
    assert settle(held, one, plan(one, HERE, policy)) == []
