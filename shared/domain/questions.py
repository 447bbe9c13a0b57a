"""What is asked of the state service over request/reply; a query changes nothing, `claim_deletion` alone gives a permit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.domain.ids import GoogleLevel, Resource


class Question(BaseModel):
    """Anything asked or answered: immutable, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AskSyncToken(Question):
    """From where does the change feed of this zone go on?"""

    zone: str


class SyncToken(Question):
    """The last token whose page is recorded; None means: the whole history."""

    token: str | None


class AskGoogleWatch(Question):
    """Which files are out on the phone, after this media id?"""

    after: int = 0
    limit: int = 500


class WatchedFile(Question):
    """One file in the window that Syncthing shares."""

    media: int
    path: str
    size: int
    mtime_ns: int
    asset: str
    level: GoogleLevel
    level_since: datetime
    suspect: bool


class GoogleWatch(Question):
    """A page of watched files; empty at the end."""

    files: tuple[WatchedFile, ...]


class ClaimDeletion(Question):
    """May this asset be deleted now? Carries iCloud's record as fetched moments ago."""

    asset: str
    attempt: int
    zone: str
    change_tag: str
    fetched_at: datetime
    in_album: bool
    deleted: bool
    problem: str | None
    resources: tuple[tuple[Resource, str], ...]
    albums_asked: tuple[str, ...] = ()
    """Names of the albums for which was looked just now whether they hold it; the gate wants all that protect."""
    kept_by_albums: tuple[str, ...] = ()
    """Those of them that do."""


class Claimed(Question):
    """The answer: a single-use permit with its deadline, or the reasons for keeping."""

    permit: str | None
    deadline: datetime | None
    already_permitted: bool = False
    """True when the record is deleted already and this asset's earlier permit stands: report it as done."""
    veto: bool = False
    reasons: tuple[str, ...] = ()


class ClaimPurge(Question):
    """May the local files of this deleted asset be removed now?"""

    asset: str
    attempt: int


class ClaimedPurge(Question):
    """The answer: until when which files may be removed, or the reasons for keeping all."""

    deadline: datetime | None
    media: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


class ClaimRelease(Question):
    """May the archived original of this file be removed now, its rendition staying?"""

    asset: str
    media: int
    attempt: int


class ClaimedRelease(Question):
    """The answer: until when it may be removed, or the reasons for keeping it."""

    deadline: datetime | None
    reasons: tuple[str, ...] = ()


class AskRows(Question):
    """A page of rows for people: media, pending, failures."""

    after: int = 0
    limit: int = 200
    asset: str | None = None


class Rows(Question):
    """A page of rows; empty at the end."""

    rows: tuple[dict[str, Any], ...]


class AskStatus(Question):
    """How is the pipeline?"""


class Status(Question):
    """Counts by state, open tasks by stage, attention records and totals."""

    counts: dict[str, dict[str, int]]
    work: dict[str, dict[str, int]]
    attention: tuple[dict[str, Any], ...]
    totals: dict[str, int]
    stage_seconds: dict[str, float]
    looked: bool
    """True once a whole look at iCloud is recorded."""
    retrying: tuple[dict[str, Any], ...] = ()
    """Up to ten tasks that failed and come again: stage, filename, failures, reason, due_at."""


class Order(Question):
    """A person's order about assets or tasks: retry, approve, veto, renew, unfreeze, confirm_freed."""

    assets: tuple[str, ...] = ()
    stage: str | None = None
    everything: bool = False


class Ordered(Question):
    """How many rows the order changed."""

    changed: int


class BackupNow(Question):
    """Back up the books now; with `target`, write a snapshot to that new file instead."""

    target: str | None = None


class BackupMade(Question):
    """Where it is."""

    path: str
