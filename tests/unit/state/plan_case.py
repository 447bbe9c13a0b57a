"""An asset that is through everything, and ways to have it anywhere before that, for planning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.state.policy.facts import Asset, Books, Media
from services.state.policy.plan import plan
from services.state.policy.rules import Policy
from shared.domain.gate import Rules, Situation
from shared.domain.ids import GoogleLevel, Kind, Resource

NEW = '{"rendition_path": "n", "rendition_sha256": "c", "rendition_size": 4}'
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
    zones_looked=frozenset({"PrimarySync"}),
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
        rendition_path="r.JPG",
        rendition_sha256="b" * 64,
        rendition_size=5,
    )
    made = replace(made, **changes)  # type: ignore[arg-type]
    made.candidate = NEW if made.compression == "renewing" else None
    return made


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
    files = [
        media(n, kind, local="delete_pending")
        for n, kind in ((1, Resource.ORIGINAL), (2, Resource.RECORD))
    ]
    given = {"pending_since": NOW - 20 * DAY, "media": files, **changes}
    return asset(removal="pending", **given)


def deleted(days_ago: int, verified: timedelta, **changes: object) -> Asset:
    files = [
        media(n, kind, nas_verified_at=NOW - verified, **{"local": "delete_pending", **changes})
        for n, kind in ((1, Resource.ORIGINAL), (2, Resource.RECORD))
    ]
    return asset(*files, removal="deleted", deleted_at=NOW - days_ago * DAY)


def books() -> Books:
    return Books(now=NOW, taken=lambda _: False, next_asset=2, next_media=10)
