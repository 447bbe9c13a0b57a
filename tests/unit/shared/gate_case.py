"""A case for the gate in which every clause is met, and the ways to break one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.gate import (
    AssetFacts,
    Delete,
    FreshRecord,
    Keep,
    MediaFacts,
    NasEvidence,
    Rules,
    Situation,
    may_delete,
)
from shared.domain.ids import GoogleLevel, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
FILES = tuple(kind for kind in Resource if not kind.is_metadata)


def sha(resource: Resource) -> str:
    return resource.value.encode().hex().ljust(64, "0")


def nas(resource: Resource) -> NasEvidence:
    return NasEvidence(
        sha256=sha(resource),
        verified_at=NOW - HOUR,
        archive="archive",
        file_system="disk",
        path=f"2020/05/{resource}",
        grade="cold",
    )


def media(resource: Resource) -> MediaFacts:
    record = resource is Resource.RECORD
    return MediaFacts(
        media=list(Resource).index(resource),
        resource=resource,
        checksum=f"checksum of {resource}",
        sha256=sha(resource),
        readable=None if record else True,
        compression_finished=True,
        in_motion=False,
        nas=nas(resource),
        google=GoogleLevel.NONE if record else GoogleLevel.CONFIRMED,
    )


@dataclass(frozen=True)
class Case:
    """All that the gate weighs; the default has every clause met for an asset with every kind of resource."""

    facts: AssetFacts = field(
        default_factory=lambda: AssetFacts(
            asset="A",
            zone="PrimarySync",
            change_tag="t1",
            record=f"checksum of {Resource.RECORD}",
            created=NOW - 400 * DAY,
            pending_since=NOW - 20 * DAY,
            problem=None,
            vetoed=False,
            approved=False,
            waiting=True,
            media=tuple(media(resource) for resource in Resource),
        )
    )
    fresh: FreshRecord = field(
        default_factory=lambda: FreshRecord(
            asset="A",
            zone="PrimarySync",
            change_tag="t1",
            fetched_at=NOW - timedelta(seconds=5),
            in_album=True,
            deleted=False,
            problem=None,
            resources=frozenset((kind, f"checksum of {kind}") for kind in FILES),
        )
    )
    here: Situation = field(
        default_factory=lambda: Situation(
            now=NOW,
            frozen=None,
            listing_sane=True,
            archive="archive",
            file_system="disk",
            claimed_run=0,
            claimed_day=0,
            library_size=1000,
        )
    )
    rules: Rules = field(default_factory=lambda: Rules(enabled=True))

    def codes(self) -> set[str]:
        match may_delete(self.facts, self.fresh, self.here, self.rules):
            case Keep(reasons=reasons):
                assert reasons
                assert all(reason.code and reason.text for reason in reasons)
                return {reason.code for reason in reasons}
            case Delete():
                return set()


def facts(**changes: object) -> Callable[[Case], Case]:
    return lambda case: replace(case, facts=replace(case.facts, **changes))  # type: ignore[arg-type]


def fresh(**changes: object) -> Callable[[Case], Case]:
    return lambda case: replace(case, fresh=replace(case.fresh, **changes))  # type: ignore[arg-type]


def here(**changes: object) -> Callable[[Case], Case]:
    return lambda case: replace(case, here=replace(case.here, **changes))  # type: ignore[arg-type]


def rules(**changes: object) -> Callable[[Case], Case]:
    return lambda case: replace(case, rules=replace(case.rules, **changes))  # type: ignore[arg-type]


def one_media(resource: Resource, **changes: object) -> Callable[[Case], Case]:
    def change(case: Case) -> Case:
        files = tuple(
            replace(m, **changes) if m.resource is resource else m  # type: ignore[arg-type]
            for m in case.facts.media
        )
        return replace(case, facts=replace(case.facts, media=files))

    return change


def one_copy(resource: Resource, **changes: object) -> Callable[[Case], Case]:
    return one_media(resource, nas=replace(nas(resource), **changes))  # type: ignore[arg-type]


def without(*resources: Resource) -> Callable[[Case], Case]:
    """Take resources out of what is archived and out of what iCloud holds."""

    def change(case: Case) -> Case:
        files = tuple(m for m in case.facts.media if m.resource not in resources)
        listed = frozenset(one for one in case.fresh.resources if one[0] not in resources)
        return replace(
            case,
            facts=replace(case.facts, media=files),
            fresh=replace(case.fresh, resources=listed),
        )

    return change


def weak_refused(resource: Resource) -> Callable[[Case], Case]:
    return lambda case: rules(accept_weak_reads=False)(one_copy(resource, grade="weak")(case))


def weak_google(level: GoogleLevel, wanted: GoogleLevel) -> Callable[[Case], Case]:
    return lambda case: rules(google_level=wanted)(one_media(Resource.ORIGINAL, google=level)(case))


def forget(resource: Resource) -> Callable[[Case], Case]:
    """Let iCloud hold a version of the resource whose like was never archived."""

    def change(case: Case) -> Case:
        return fresh(resources=case.fresh.resources | {(resource, "another version")})(case)

    return change
