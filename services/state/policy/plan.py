"""What an asset needs next: from its facts to the work that should exist now and the moment to look again.

Pure and idempotent: planning twice wants the same work. It wishes only; a deletion it wishes for is still
decided by the gate, in its own transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.state.policy.facts import Task
from services.state.policy.renditions import RENEWABLE as RENEWABLE_RENDITIONS
from services.state.policy.returning import is_to_be_read_again
from services.state.policy.waking import Plan
from services.state.policy.weigh import asset_facts, media_facts, retired
from shared.domain.gate import Reason, Situation, brakes, may_purge, standing
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import METADATA, STAGE
from shared.domain.release import may_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.state.policy.facts import Asset, Books, Media
    from services.state.policy.rules import Policy

RENEWABLE = frozenset({"nas-stale", "nas-other"})
"""Objections that a new read of the NAS copy settles, one way or the other."""
BRAKES = frozenset({"brake-items", "brake-percent"})
PATIENCE = timedelta(minutes=30)
"""How long before its end evidence is renewed, so that it is fresh when the gate looks."""


def google_level(media: Media) -> GoogleLevel:
    """Return the evidence level of a media; NONE where Google has nothing provable."""
    if media.google in {"refused", "suspect", "exempt"}:
        return GoogleLevel.NONE
    return GoogleLevel(media.google)


def google_done(media: Media, level: GoogleLevel) -> bool:
    """True when Google's part is at the level, or can never be provable."""
    return (
        media.google in {"refused", "suspect", "exempt"} or google_level(media).rank >= level.rank
    )


def plan(
    asset: Asset, here: Situation, policy: Policy, active: frozenset[str] = frozenset()
) -> Plan:
    """Return what should be done for the asset now; `active`: stages that are at work on it already."""
    made = Plan()
    for media in asset.media:
        made.wanted.extend((stage, media.id) for stage in _media_stages(asset, media, here, policy))
        _renewal(asset, media, here, policy, made)
    if asset.removal in {"deleted", "purged", "restored"}:
        made.wanted.extend(
            ("verify", media.id) for media in asset.media if is_to_be_read_again(media, here)
        )
    if asset.removal == "none":
        _towards_album(asset, here, policy, made)
    elif asset.removal in {"pending", "intent"}:
        _towards_deletion(asset, here, policy, made, active)
    elif (asset.removal == "vetoed" and any(m.local == "delete_pending" for m in asset.media)) or (
        asset.removal in {"restored"} and any(m.local == "delete_pending" for m in asset.media)
    ):
        made.wanted.append(("return", asset.id))
    elif asset.removal in {"deleted", "purged"}:
        _after_deletion(asset, here, policy, made)
        _release_originals(asset, here, policy, made, active)
    return made


def _media_stages(asset: Asset, media: Media, here: Situation, policy: Policy) -> Iterator[str]:
    if _to_be_fetched(asset, media, here):
        yield "download"
    if not media.on_disk:
        return
    sent = _sent(asset, media, here, policy)
    if media.google == "none" and sent:
        yield "pixel"
    if media.nas in {"none", "void"}:
        yield "nas"
    elif media.nas == "verified":
        done = google_done(media, policy.compress_after) or sent is False
        known = not policy.tier_albums or asset.zone in here.zones_looked
        if media.compression == "none" and done and known:
            yield "compress"
        if media.compression == "compressed":
            yield "rendition"


def _renewal(asset: Asset, media: Media, here: Situation, policy: Policy, made: Plan) -> None:
    """Compress anew what has grown out of its tier, from the original while that exists.

    Nothing begins while a permit for the asset's deletion is out: placing a rendition moves what the permit rests on.
    """
    if media.nas not in {"verified", "released"} or asset.removal == "intent":
        return
    if media.compression == "renewing":
        made.wanted.append(("rendition", media.id))
    elif media.compression in RENEWABLE_RENDITIONS and media.renew_at is not None:
        _renew(media, media.renew_at, here, policy, made)


def _renew(media: Media, at: datetime, here: Situation, policy: Policy, made: Plan) -> None:
    there = (media.nas_archive, media.nas_file_system) == (here.archive, here.file_system)
    if media.has_no_original and not (policy.reencode and media.has_same_form):
        return
    if here.now < at:
        made.wake(at)
    elif media.on_disk or there:
        made.wanted.append(("compress", media.id))
    else:
        made.hold(here.now, since=at)


def _to_be_fetched(asset: Asset, media: Media, here: Situation) -> bool:
    """Say whether to download it; a record names the albums, which the first look at iCloud may show last."""
    lacking = media.local == "wanted" and media.current and asset.listed
    return lacking and (not media.is_metadata or asset.zone in here.zones_looked)


def _sent(asset: Asset, media: Media, here: Situation, policy: Policy) -> bool | None:
    """Say whether Google Photos receives the file (or did already); None while nobody can know."""
    if media.google != "none":
        return True
    if policy.google.needs_look and asset.zone not in here.zones_looked:
        return None
    return policy.google.leaves_out(asset, media) is None


def before_album(asset: Asset, here: Situation, policy: Policy) -> tuple[Reason, ...]:
    """Collect why an asset does not go into the album yet; staleness of evidence does not count here."""
    facts = asset_facts(asset, (), policy)
    rest = standing(facts, here, policy.deletion)
    ignore = {"not-pending", "dwell", "nas-stale", "in-motion"}
    off = () if policy.deletion.enabled else (Reason("off", "deletion is turned off"),)
    gone = () if asset.listed else (Reason("gone", "iCloud no longer lists it"),)
    return (*off, *gone, *(r for r in rest if r.code not in ignore))


def _towards_album(asset: Asset, here: Situation, policy: Policy, made: Plan) -> None:
    reasons = before_album(asset, here, policy)
    if not reasons:
        made.wanted.append(("album", asset.id))
    elif {reason.code for reason in reasons} == {"young"}:
        made.wake(later(asset.created, policy.deletion.minimum_age))


def _towards_deletion(
    asset: Asset, here: Situation, policy: Policy, made: Plan, active: frozenset[str]
) -> None:
    """After the dwell: renew what is stale, then wish for the deletion; the gate decides."""
    if asset.removal == "intent":
        made.wanted.append(("delete", asset.id))
        return
    if asset.pending_since is None or not asset.listed:
        return
    due = asset.pending_since + policy.deletion.dwell
    if asset.hold_until is not None:
        due = max(due, asset.hold_until)
    if here.now < due:
        made.wake(due)
        return
    facts = asset_facts(asset, (), policy)
    reasons = [r for r in standing(facts, here, policy.deletion) if r.code not in RENEWABLE]
    if reasons or ("delete" not in active and tuple(brakes(facts, here, policy.deletion))):
        made.hold(here.now, since=due)
    elif any(media.local == "backup" for media in asset.media):
        made.wanted.append(
            ("album", asset.id)
        )  # a record that came while it waited is put away, too
    elif not _renew_evidence(asset.current, here, policy.deletion.evidence_age, made):
        made.wanted.append(("delete", asset.id))


def _renew_evidence(files: Iterable[Media], here: Situation, age: timedelta, made: Plan) -> bool:
    """Want a cold read of every archived file whose last one is (or soon will be) no proof; True if any."""
    fresh = age - min(PATIENCE, age / 2)
    stale = [
        media
        for media in files
        if media.nas == "verified"
        and media.nas_verified_at is not None
        and (
            not timedelta(0) <= here.now - media.nas_verified_at <= fresh
            or (media.nas_archive, media.nas_file_system) != (here.archive, here.file_system)
        )
    ]
    made.wanted.extend(("verify", media.id) for media in stale if not media.is_leaving)
    return bool(stale)


def _after_deletion(asset: Asset, here: Situation, policy: Policy, made: Plan) -> None:
    """Purge the local files when their time has come, under fresh evidence; check the NAS before the 30 days end."""
    if asset.deleted_at is None:
        return
    last_check = asset.deleted_at + policy.last_check_before_expunge
    if here.now < last_check:
        made.wake(last_check)
    else:
        made.wanted.extend(
            ("verify", media.id)
            for media in asset.media
            if media.nas == "verified"
            and not media.is_leaving
            and (media.nas_verified_at or last_check) < last_check
        )
    if policy.local_purge_after is None or asset.removal == "purged":
        return
    due = asset.deleted_at + policy.local_purge_after
    if asset.hold_until is not None:
        due = max(due, asset.hold_until)
    if here.now < due:
        made.wake(due)
        return
    files = [media for media in asset.media if media.on_disk]
    facts = tuple(media_facts(media, in_motion=False) for media in files)
    reasons = [r for r in may_purge(facts, here, policy.deletion) if r.code not in RENEWABLE]
    if reasons:
        made.hold(here.now, since=due)
    elif not _renew_evidence(files, here, policy.deletion.evidence_age, made):
        made.wanted.append(("purge", asset.id))


def _release_originals(
    asset: Asset, here: Situation, policy: Policy, made: Plan, active: frozenset[str]
) -> None:
    """Wish that originals leave the archive when their time has come, on fresh evidence; the claim decides."""
    if policy.keeping.after_deletion is None or asset.deleted_at is None:
        return
    due = later(asset.deleted_at, policy.keeping.after_deletion)
    if asset.hold_until is not None:
        due = max(due, asset.hold_until)
    if here.now < due:
        made.wake(due)
        return
    settled = RENEWABLE | BRAKES if "release" in active else RENEWABLE  # it is counted already
    for media in asset.media:
        if media.on_disk and policy.local_purge_after is not None:
            continue  # its purge rests on the archive's original
        found = may_release(retired(asset, media, False), here, policy.keeping, policy.deletion)
        reasons = {reason.code for reason in found} - settled
        if reasons and reasons <= {"frozen", "listing", *BRAKES}:
            made.hold(here.now, since=due)
        elif not reasons and not _renew_evidence([media], here, policy.deletion.evidence_age, made):
            made.wanted.append(("release", media.id))


def copies_missing(asset: Asset, here: Situation) -> list[Media]:
    """Return a deleted asset's files that are neither on the local disk nor, as far as is known, on the NAS."""
    if asset.removal not in {"deleted", "purged"}:
        return []
    return [media for media in asset.current if not media.on_disk and _is_missing(media, here)]


def _is_missing(media: Media, here: Situation) -> bool:
    elsewhere = here.archive not in {None, media.nas_archive}
    return media.nas == "mismatch" or (media.nas == "void" and elsewhere)


def later(moment: datetime, span: timedelta) -> datetime:
    """Add a span; the end of time where there is no such moment (photos are dated in the year 9999, too)."""
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def settle(books: Books, asset: Asset, made: Plan) -> list[Task]:
    """Make the asset's tasks agree with the plan; return those that became due."""
    asset.wake_at = made.wake_at
    wanted = set(made.wanted)
    fresh = []
    for stage, key in made.wanted:
        task = books.task_of(stage, key)
        if task is None:
            task = Task(stage, key, asset.id, _lane(books, stage, key), due_at=books.now)
            books.put_task(task)
            fresh.append(task)
        elif task.state in {"done", "cancelled"}:
            _begin_again(task, books.now)
            if task.due_at == books.now:
                fresh.append(task)
    for task in books.by_asset.get(asset.id, ()):
        if task.active and (task.stage, task.key) not in wanted:
            task.state = "cancelled"
    return fresh


def _begin_again(task: Task, now: datetime) -> None:
    """Make a task due that had ended; one that was only not wished for meanwhile keeps its failures and the delay they cost."""
    if task.state == "done":
        task.failures, task.rings, task.reason, task.due_at = 0, 0, None, now
    task.state, task.attempt = "due", task.attempt + 1
    task.due_at = now if task.due_at is None else max(now, task.due_at)
    task.published_seq = task.published_at = None


def _lane(books: Books, stage: str, key: int) -> str:
    lanes = STAGE[stage].lanes
    if len(lanes) == 1:
        return lanes[0]
    media = books.media[key]
    return METADATA if media.is_metadata and METADATA in lanes else media.kind
