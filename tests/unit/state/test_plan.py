"""Planning wishes only for what exists and may be wished for, and twice for the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.state.policy.bodies import body
from services.state.policy.facts import ASSET_STAGES, Asset, Books, Media, Task
from services.state.policy.plan import Plan, plan, settle
from services.state.policy.rules import Policy
from shared.domain.gate import Rules, Situation
from shared.domain.ids import GoogleLevel, Kind, Resource
from shared.domain.pipeline import STAGE, STAGES, Stage
from shared.domain.states import MOVES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = Situation(
    now=NOW,
    frozen=None,
    listing_sane=True,
    archive="archive",
    file_system="disk",
    claimed_run=0,
    claimed_day=0,
    library_size=1000,
)
ON = Policy(deletion=Rules(enabled=True, google_level=GoogleLevel.FREED))
OFF = Policy(deletion=replace(ON.deletion, enabled=False))


def media(number: int, resource: Resource = Resource.ORIGINAL, **changes: object) -> Media:
    """Return a media that is through everything."""
    record = resource is Resource.RECORD
    made = Media(
        id=number,
        asset_id=1,
        icloud_id="A",
        filename="IMG_1.JPG",
        created_date="2020-05-01T12:00:00+00:00",
        resource=resource.value,
        checksum="c",
        listed_size=10,
        kind=Kind.PHOTO.value,
        path=f"2020/05/IMG_1_{number}.JPG",
        path_key=f"file:{number}",
        sha256="a" * 64,
        initial_size=10,
        local="backup",
        google="exempt" if record else "freed",
        nas="verified",
        nas_path="p",
        nas_verified_at=NOW - HOUR,
        nas_archive="archive",
        nas_file_system="disk",
        nas_grade="cold",
        compression="exempt" if record else "archived",
        readable=None if record else True,
        rendition_path="r",
        rendition_sha256="b" * 64,
        rendition_size=5,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def asset(*files: Media, **changes: object) -> Asset:
    made = Asset(
        id=1,
        icloud_id="A",
        zone="PrimarySync",
        change_tag="t1",
        filename="IMG_1.JPG",
        created_date="2020-05-01T12:00:00+00:00",
        stem_key="2020/05/img_1",
        stem="IMG_1",
        favorite=False,
        hidden=False,
        media=list(files) or [media(1), media(2, Resource.RECORD)],
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def wanted(one: Asset, policy: Policy = ON, here: Situation = HERE) -> set[tuple[str, int]]:
    return set(plan(one, here, policy).wanted)


def stages(one: Asset, policy: Policy = ON, here: Situation = HERE) -> set[str]:
    return {stage for stage, _ in wanted(one, policy, here)}


def pending(**changes: object) -> Asset:
    return asset(removal="pending", **{"pending_since": NOW - 20 * DAY, **changes})


# ---- the usual way ------------------------------------------------------------------------------


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


def test_what_icloud_no_longer_lists_is_not_downloaded_and_keeps_its_other_work() -> None:
    gone = asset(media(1, local="wanted"), media(2, nas="none"), listed=False)
    assert wanted(gone) == {("nas", 2)}


def test_an_asset_goes_into_the_album_when_everything_is_done_and_deletion_is_on() -> None:
    assert wanted(asset()) == {("album", 1)}
    assert wanted(asset(), OFF) == set()


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
    keep = replace(ON, never_delete_favorites=True, never_delete_hidden=True)
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
    assert plan(pending(), here, policy).wake_at == NOW + timedelta(minutes=1)


def test_stale_evidence_is_renewed_before_a_deletion_is_wished_for() -> None:
    stale = pending(media=[media(1, nas_verified_at=NOW - DAY), media(2, Resource.RECORD)])
    assert wanted(stale) == {("verify", 1)}


def test_a_kept_asset_is_left_alone_for_a_while() -> None:
    held = pending(hold_until=NOW + HOUR)
    assert stages(held) == set()
    assert plan(held, HERE, ON).wake_at == NOW + HOUR


def test_a_vetoed_asset_gets_its_local_files_back_and_nothing_else() -> None:
    moved = [media(1, local="delete_pending"), media(2, Resource.RECORD, local="delete_pending")]
    assert wanted(asset(*moved, removal="vetoed")) == {("return", 1)}
    assert wanted(asset(removal="vetoed")) == set()


def deleted(days_ago: int, verified: timedelta, **changes: object) -> Asset:
    files = [
        media(n, kind, local="delete_pending", nas_verified_at=NOW - verified, **changes)
        for n, kind in ((1, Resource.ORIGINAL), (2, Resource.RECORD))
    ]
    return asset(*files, removal="deleted", deleted_at=NOW - days_ago * DAY)


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


# ---- anything at all ----------------------------------------------------------------------------


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
    compression=states("compression"),
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
)
policies = st.sampled_from([ON, OFF, replace(ON, local_purge_after=None)])


def books() -> Books:
    return Books(now=NOW, taken=lambda _: False, next_asset=2, next_media=10)


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
        assert one.removal == "none"
        assert policy.deletion.enabled
        assert one.listed
    if "purge" in wishes:
        assert one.removal == "deleted"
        assert all(m.nas == "verified" for m in one.media if m.on_disk)
    if one.removal in {"vetoed", "restored", "purged"}:
        assert not wishes & {"album", "delete", "purge"}


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


@given(any_asset, policies)
def test_planning_twice_wants_the_same_and_adds_nothing(one: Asset, policy: Policy) -> None:
    held = books()
    held.add(one)
    made = plan(one, HERE, policy)
    assert len(settle(held, one, made)) == len(set(made.wanted))
    assert settle(held, one, plan(one, HERE, policy)) == []


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
        pending(media=[media(1, nas_verified_at=NOW - DAY), media(2, Resource.RECORD)]),
        asset(media(1, local="delete_pending"), removal="vetoed"),
        deleted(8, HOUR),
    )
    assert any(stage.name in stages(one) for one in situations)
