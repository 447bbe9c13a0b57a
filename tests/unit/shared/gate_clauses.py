"""Every way to break one clause of the deletion gate alone, with the code of the objection that it has to give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.ids import GoogleLevel, Resource
from tests.unit.shared.gate_case import (
    DAY,
    FILES,
    NOW,
    SECOND,
    Case,
    facts,
    forget,
    fresh,
    here,
    one_copy,
    one_media,
    rules,
    weak_refused,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def newer_edit(case: Case) -> Case:
    """iCloud lists an edit that was not archived, beside what was."""
    return fresh(resources=case.fresh.resources | {(Resource.EDITED, "other")})(case)


NOT_SENT: dict[str, object] = {"google": GoogleLevel.NONE, "google_left_out": "google.send"}


def left_out(resource: Resource) -> Callable[[Case], Case]:
    return one_media(resource, **NOT_SENT)


def left_out_by_a_typo(resource: Resource) -> Callable[[Case], Case]:
    change = left_out(resource)
    return lambda case: here(album_doubt="no such album")(rules(without_google=True)(change(case)))


def sent_then_left_out(resource: Resource) -> Callable[[Case], Case]:
    change = one_media(resource, google=GoogleLevel.ARRIVED, google_left_out="google.send")
    return lambda case: rules(without_google=True)(change(case))


def refused_and_left_out(resource: Resource) -> Callable[[Case], Case]:
    change = one_media(resource, **NOT_SENT, google_objection="refused")
    return lambda case: rules(without_google=True)(change(case))


@dataclass(frozen=True)
class Alone:
    """One clause broken; `code` is the objection."""

    code: str
    name: str
    change: Callable[[Case], Case]


OF_THE_ASSET: list[tuple[str, str, Callable[[Case], Case]]] = [
    ("off", "deletion is off", rules(enabled=False)),
    ("frozen", "a freeze", here(frozen="a mismatch")),
    ("frozen", "a freeze for a reason without words", here(frozen="")),
    ("listing", "a failed or shrunken listing", here(listing_sane=False)),
    ("window", "outside the hours", here(window_open=False)),
    ("brake-items", "the run is full", here(claimed_run=100)),
    ("brake-items", "the day is full", here(claimed_day=200, library_size=10**6)),
    ("brake-percent", "the share of the day is reached", here(claimed_day=20)),
    ("brake-percent", "a library of which one asset is too much", here(library_size=49)),
    ("identity", "another record", fresh(asset="B")),
    ("record", "iCloud's error, or an unknown kind of resource", fresh(problem="resJXLRes")),
    ("gone", "deleted already", fresh(deleted=True)),
    ("veto", "taken out of the album", fresh(in_album=False)),
    ("veto", "vetoed before", facts(vetoed=True)),
    ("not-waiting", "deleted, restored or never put into the album", facts(waiting=False)),
    ("exempt", "a favourite that the person's settings keep", facts(exempt="favourites stay")),
    ("exempt", "in an album that protects, by a fresh look", fresh(kept_by_albums=("Family",))),
    ("unasked", "nobody looked into the album that protects", rules(never_delete_albums=("F",))),
    ("zone", "a shared library", fresh(zone="SharedSync-1")),
    ("zone", "archived from a shared library", facts(zone="SharedSync-1")),
    ("stale", "an old look", fresh(fetched_at=NOW - timedelta(minutes=5) - SECOND)),
    ("stale", "a look from the future", fresh(fetched_at=NOW + timedelta(minutes=5) + SECOND)),
    ("changed", "changed in iCloud since", fresh(change_tag="t2")),
    ("unarchived", "a newer edit", newer_edit),
    ("no-original", "an answer without any resource", fresh(resources=frozenset())),
    ("no-original", "no original", without(Resource.ORIGINAL)),
    ("no-record", "no record", without(Resource.RECORD)),
    ("no-record", "only an older record", one_media(Resource.RECORD, checksum="t1+older albums")),
    ("no-record", "its albums have changed", facts(record="t1+other albums")),
    ("problem", "a problem seen in the listing", facts(problem="an unknown resource")),
    ("young", "younger than allowed", facts(created=NOW - 30 * DAY + SECOND)),
    ("young", "created in the future", facts(created=NOW + DAY)),
    ("not-pending", "never in the album", facts(pending_since=None)),
    ("dwell", "not long enough in the album", facts(pending_since=NOW - 14 * DAY + SECOND)),
    ("dwell", "in the album from tomorrow on", facts(pending_since=NOW + DAY)),
]
OF_EACH_FILE: list[tuple[str, str, Callable[[Resource], Callable[[Case], Case]]]] = [
    ("unreadable", "unreadable", lambda r: one_media(r, readable=False)),
    ("in-motion", "a copy in motion", lambda r: one_media(r, in_motion=True)),
    ("compression", "not compressed yet", lambda r: one_media(r, compression_finished=False)),
    ("nas", "no NAS copy", lambda r: one_media(r, nas=None)),
    ("nas-hash", "other bytes", lambda r: one_copy(r, sha256="f" * 64)),
    ("nas-other", "another archive", lambda r: one_copy(r, archive="other")),
    ("nas-other", "another disk", lambda r: one_copy(r, file_system="clone")),
    ("nas-weak", "a weak read where those do not count", weak_refused),
    ("nas-stale", "an old read", lambda r: one_copy(r, verified_at=NOW - DAY - SECOND)),
    ("nas-stale", "a read in the future", lambda r: one_copy(r, verified_at=NOW + SECOND)),
]
OF_EACH_PHOTO: list[tuple[str, str, Callable[[Resource], Callable[[Case], Case]]]] = [
    ("google", "refused by Google", lambda r: one_media(r, google_objection="refused")),
    ("google", "an objection without words", lambda r: one_media(r, google_objection="")),
    ("google", "nothing at Google", lambda r: one_media(r, google=GoogleLevel.NONE)),
    ("google", "never sent, by a setting", left_out),
    ("google", "never sent, by a setting that may be a typo", left_out_by_a_typo),
    ("google", "sent before the setting left it out", sent_then_left_out),
    ("google", "refused, and left out", refused_and_left_out),
    ("google", "below the level", lambda r: one_media(r, google=GoogleLevel.FREED)),
    ("unarchived", "not archived", lambda r: forget(r)),
]


ALONE = [
    *(Alone(code, name, change) for code, name, change in OF_THE_ASSET),
    *(
        Alone(code, f"{name} ({resource})", make(resource))
        for code, name, make in OF_EACH_FILE
        for resource in Resource
    ),
    *(
        Alone(code, f"{name} ({resource})", make(resource))
        for code, name, make in OF_EACH_PHOTO
        for resource in FILES
    ),
]
