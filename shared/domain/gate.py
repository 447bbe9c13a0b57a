"""The deletion gate: from facts to `Delete` with its evidence or `Keep` with every reason; it can never act itself.

Each clause of the invariant is one function here (source: the project's design, "The delete invariant").
An asset may be deleted from iCloud only when no clause has an objection; what is unknown is an objection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.ids import OWN_ZONE, GoogleLevel, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator


CALLED = {
    Resource.ORIGINAL: "original",
    Resource.ALTERNATE: "RAW or JPEG twin",
    Resource.LIVE: "Live Photo movie",
    Resource.EDITED: "edited version",
    Resource.RECORD: "iCloud record",
    Resource.SIDECAR: "XMP sidecar",
}
"""What people call the files of an asset."""


@dataclass(frozen=True, slots=True)
class FreshRecord:
    """The asset as iCloud answered moments ago."""

    asset: str
    zone: str
    change_tag: str
    fetched_at: datetime
    in_album: bool
    deleted: bool
    problem: str | None
    """iCloud's error for the record, or a resource of a kind that the code does not know."""
    resources: frozenset[tuple[Resource, str]]
    """(kind, Apple checksum) of every resource of the record, `record` aside."""
    albums_asked: tuple[str, ...] = ()
    """Names of the albums in which it was looked for."""
    kept_by_albums: tuple[str, ...] = ()
    """Names of those in which it is."""


@dataclass(frozen=True, slots=True)
class NasEvidence:
    """A cold read of the original bytes on the NAS."""

    sha256: str
    verified_at: datetime
    archive: str
    file_system: str
    path: str
    grade: str


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """One current resource of the asset, as recorded."""

    media: int
    resource: Resource
    checksum: str
    sha256: str | None
    """Of the downloaded stream whose length and Apple checksum matched; None before that."""
    readable: bool | None
    """Decoded completely (True), refused to decode (False), not examined (None: RAW and records)."""
    compression_finished: bool
    in_motion: bool
    """True while work that replaces or moves a copy of it is out."""
    nas: NasEvidence | None
    google: GoogleLevel
    google_objection: str | None = None
    """Why Google Photos has no provable copy: refused, or vanished in a suspect way."""
    google_left_out: str | None = None
    """The setting by which it was never sent to Google Photos; None when it was, or is to be."""


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """One asset as recorded, with all its current resources."""

    asset: str
    zone: str
    change_tag: str
    record: str
    """What names its iCloud record as it is now, albums included; only an archived one of this name counts."""
    created: datetime
    pending_since: datetime | None
    problem: str | None
    vetoed: bool
    approved: bool
    media: tuple[MediaFacts, ...]
    waiting: bool = False
    """It stands in the album or under an earlier permit; an asset that was deleted, restored or vetoed does not."""
    exempt: str | None = None
    """Why the person's settings keep it for good: a favourite, a hidden one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the person configured; `required` has no value that asks for less than a NAS copy."""

    enabled: bool = False
    google_level: GoogleLevel = GoogleLevel.CONFIRMED
    evidence_age: timedelta = timedelta(hours=24)
    record_age: timedelta = timedelta(minutes=5)
    dwell: timedelta = timedelta(days=14)
    minimum_age: timedelta = timedelta(days=30)
    max_items_run: int = 100
    max_items_day: int = 200
    max_percent_day: float = 2.0
    permit_for: timedelta = timedelta(seconds=60)
    own_zone: str = OWN_ZONE
    accept_weak_reads: bool = True
    """NFS and SMB drop only the client's cache; such reads are recorded as the weaker grade."""
    never_delete_albums: tuple[str, ...] = ()
    """What is in an album of one of these names stays, by the recorded and by the fresh look."""
    without_google: bool = False
    """What a setting keeps from Google Photos may go on its NAS copy alone."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The library as a whole at this instant."""

    now: datetime
    frozen: str | None
    """Why every deletion is frozen until a person looks (a hash mismatch, a shrunken listing)."""
    listing_sane: bool
    archive: str | None
    """Id on the archive's marker and identity of its file system, as last reported; None while it is missing."""
    file_system: str | None
    claimed_run: int
    claimed_day: int
    library_size: int
    window_open: bool = True
    zones_looked: frozenset[str] = frozenset()
    """Zones of which a whole look is recorded: only then is it known in which albums their assets are."""
    album_doubt: str | None = None
    """Why what `google.albums` leaves out may be left out by mistake: it names an album that does not exist."""
    released_run: int = 0
    """Photos of which originals left the archive, or may leave it, in the last hour."""
    released_day: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an asset stays: a code for machines, a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Every clause is met; `evidence` is what the decision rests on."""

    evidence: tuple[NasEvidence, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """At least one clause objects."""

    reasons: tuple[Reason, ...] = field()

    @property
    def veto(self) -> bool:
        """True when the person took the asset out of the album."""
        return any(reason.code == "veto" for reason in self.reasons)


Verdict = Delete | Keep


def may_delete(facts: AssetFacts, fresh: FreshRecord, here: Situation, rules: Rules) -> Verdict:
    """Weigh every clause and answer with all objections, or with the evidence for deleting."""
    reasons = (
        *brakes(facts, here, rules),
        *(() if facts.waiting else (Reason("not-waiting", "it does not wait for deletion"),)),
        *identity(facts, fresh, here, rules),
        *kept_albums(fresh, rules),
        *standing(facts, here, rules),
    )
    if reasons:
        return Keep(reasons)
    return Delete(tuple(media.nas for media in facts.media if media.nas is not None))


def standing(facts: AssetFacts, here: Situation, rules: Rules) -> tuple[Reason, ...]:
    """Collect the objections that need no fresh look at iCloud (also what `pending` shows)."""
    return (
        *age(facts, here, rules),
        *(reason for media in facts.media for reason in copies(media, here, rules)),
    )


def identity(
    facts: AssetFacts, fresh: FreshRecord, here: Situation, rules: Rules
) -> Iterator[Reason]:
    """Clause 1: the very asset that was archived, unchanged, own, whole, and still in the album."""
    if fresh.asset != facts.asset:
        yield Reason("identity", f"iCloud answered with another record ({fresh.asset})")
    if fresh.problem is not None:
        yield Reason("record", fresh.problem)
    if fresh.deleted:
        yield Reason("gone", "it is already deleted in iCloud")
    if not fresh.in_album:
        yield Reason("veto", "it was taken out of the album DeletePending (the person's veto)")
    if fresh.zone != rules.own_zone:
        yield Reason("zone", f"it lies in {fresh.zone}, not in the own library")
    if abs(here.now - fresh.fetched_at) > rules.record_age:
        yield Reason("stale", "the look at its iCloud record is too old")
    yield from archived_whole(facts, fresh)


def kept_albums(fresh: FreshRecord, rules: Rules) -> Iterator[Reason]:
    """The person's albums that protect: it was looked for in each just now, and it is in none."""
    for name in fresh.kept_by_albums:
        yield Reason("exempt", f"it is in the album '{name}' (deletion.never_delete_albums)")
    for name in sorted(set(rules.never_delete_albums) - set(fresh.albums_asked)):
        yield Reason("unasked", f"nobody looked whether it is in the album '{name}' now")


def archived_whole(facts: AssetFacts, fresh: FreshRecord) -> Iterator[Reason]:
    """Clause 1, the bytes: what iCloud holds now is exactly what was archived, original and record included."""
    if fresh.change_tag != facts.change_tag:
        yield Reason("changed", "it was changed in iCloud since it was archived")
    known = {(m.resource, m.checksum) for m in facts.media if not m.resource.is_metadata}
    for kind, _ in sorted(fresh.resources - known):
        yield Reason("unarchived", f"its {CALLED[kind]} in iCloud is not the one that was archived")
    if not any(kind is Resource.ORIGINAL for kind, _ in fresh.resources):
        yield Reason("no-original", "iCloud's record names no original")
    if not any(m.resource is Resource.RECORD and m.checksum == facts.record for m in facts.media):
        yield Reason("no-record", "its iCloud record as it is now was not archived")


def may_purge(media: tuple[MediaFacts, ...], here: Situation, rules: Rules) -> tuple[Reason, ...]:
    """Collect why local originals stay: each needs its own bytes on the NAS, read back cold and lately."""
    frozen = (
        () if here.frozen is None else (Reason("frozen", f"deletion is frozen: {here.frozen}"),)
    )
    return (*frozen, *(reason for one in media for reason in nas_copy(one, here, rules)))


def copies(media: MediaFacts, here: Situation, rules: Rules) -> Iterator[Reason]:
    """Clauses 2 to 6 for one resource: origin hash, both copies, cold, fresh, nothing in motion."""
    name = CALLED[media.resource]
    if media.sha256 is None:
        yield Reason("download", f"its {name} was not downloaded and verified")
    if media.readable is False:
        yield Reason("unreadable", f"its {name} cannot be decoded")
    if media.in_motion:
        yield Reason("in-motion", f"a copy of its {name} is being moved or replaced")
    if not media.compression_finished:
        yield Reason("compression", f"its {name} has not been through compression")
    yield from nas_copy(media, here, rules)
    if not media.resource.is_metadata:
        yield from google_copy(media, here, rules)


def nas_copy(media: MediaFacts, here: Situation, rules: Rules) -> Iterator[Reason]:
    """Clauses 3 to 5: the original bytes, read back cold, lately, on the very archive."""
    name = CALLED[media.resource]
    if media.nas is None:
        yield Reason("nas", f"the NAS holds no verified copy of its {name}")
        return
    if media.nas.sha256 != media.sha256:
        yield Reason("nas-hash", f"the NAS copy of its {name} has other bytes")
    if here.archive is None or (here.archive, here.file_system) != (
        media.nas.archive,
        media.nas.file_system,
    ):
        yield Reason(
            "nas-other", f"its {name} was verified on another archive or disk than is there"
        )
    if media.nas.grade != "cold" and not rules.accept_weak_reads:
        yield Reason("nas-weak", f"the NAS copy of its {name} was only read through a cache")
    if not timedelta(0) <= here.now - media.nas.verified_at <= rules.evidence_age:
        yield Reason("nas-stale", f"the NAS copy of its {name} was not verified lately")


def google_copy(media: MediaFacts, here: Situation, rules: Rules) -> Iterator[Reason]:
    """Clause 3: Google Photos' evidence is at or above the configured level, or the person's settings do without."""
    name = CALLED[media.resource]
    if media.google_objection is not None:
        yield Reason(
            "google", f"Google Photos has no provable copy of its {name}: {media.google_objection}"
        )
    elif media.google_left_out is not None and media.google is GoogleLevel.NONE:
        doubt = here.album_doubt
        if not rules.without_google or doubt is not None:
            why = media.google_left_out if doubt is None else f"{media.google_left_out}; {doubt}"
            yield Reason("google", f"Google Photos has no copy of its {name}: {why}")
    elif media.google.rank < max(rules.google_level.rank, GoogleLevel.SETTLED.rank):
        yield Reason(
            "google",
            f"Google Photos' evidence for its {name} is '{media.google}', "
            f"not yet '{rules.google_level}'",
        )


def age(facts: AssetFacts, here: Situation, rules: Rules) -> Iterator[Reason]:
    """Clause 9: the photo is old enough, and has waited in the album; the asset itself is own and has no problem."""
    if facts.zone != rules.own_zone:
        yield Reason("zone", f"it lies in {facts.zone}, not in the own library")
    if facts.problem is not None:
        yield Reason("problem", facts.problem)
    if facts.exempt is not None:
        yield Reason("exempt", facts.exempt)
    if facts.vetoed:
        yield Reason("veto", "it was taken out of the album DeletePending (the person's veto)")
    if here.now - facts.created < rules.minimum_age:
        yield Reason("young", f"it is younger than {days(rules.minimum_age)}")
    if facts.pending_since is None:
        yield Reason("not-pending", "it is not in the album DeletePending yet")
    elif not rules.dwell <= here.now - facts.pending_since:
        yield Reason("dwell", f"it has not waited {days(rules.dwell)} in the album")


def brakes(facts: AssetFacts, here: Situation, rules: Rules) -> Iterator[Reason]:
    """Clauses 7, 8 and 10: deletion is on, not frozen, within its limits, or this very asset was approved."""
    if not rules.enabled:
        yield Reason("off", "deletion is turned off (icloud_cleanup.enabled)")
    if here.frozen is not None:
        yield Reason("frozen", f"deletion is frozen: {here.frozen}")
    if not here.listing_sane:
        yield Reason("listing", "the last look at iCloud failed, or is days ago")
    if not here.window_open:
        yield Reason("window", "deletion does not run at this time (icloud_cleanup.during)")
    if facts.approved:
        return
    if here.claimed_run >= rules.max_items_run or here.claimed_day >= rules.max_items_day:
        yield Reason("brake-items", "the number of deletions allowed in a run or a day is reached")
    elif not here.claimed_day + 1 <= here.library_size * rules.max_percent_day / 100:
        yield Reason(
            "brake-percent", f"more than {rules.max_percent_day:g} % of the library in a day"
        )


def days(span: timedelta) -> str:
    """Say a time span for people: `14 days`, `3 seconds`."""
    long = span >= timedelta(days=1)
    count = span / timedelta(days=1) if long else span.total_seconds()
    return f"{count:g} {'day' if long else 'second'}{'' if count == 1 else 's'}"
