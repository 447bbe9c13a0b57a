"""Reports, as they travel on the bus: what a worker says has happened; none can authorise a deletion.

Every model carries its version `v`; a reader refuses versions it does not know. Paths are relative to the
library or NAS root and use `/`; times are aware; sizes are bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from shared.domain.ids import Area, GoogleLevel
from shared.domain.seen import AlbumSeen, AssetSeen, Membership
from shared.domain.wire import Wire


class Report(Wire):
    """What has happened, once: a second report with the same `id` changes nothing."""

    id: str
    at: datetime


class PageSeen(Report):
    """One page of iCloud's change feed; its sync token counts only once this page is recorded."""

    type: Literal["page_seen"] = "page_seen"
    zone: str
    token: str
    final: bool
    """True for the last page of a look at iCloud."""
    since: str | None = None
    """The token from which this page was read, '' for the very start; None: not said, so nothing is swept after it."""
    part: int = 0
    """Which part of the page this is, from 0: a long one comes in several."""
    assets: tuple[AssetSeen, ...] = ()
    gone: tuple[str, ...] = ()
    """Ids of assets and albums whose records no longer exist."""
    albums: tuple[AlbumSeen, ...] = ()
    joined: tuple[Membership, ...] = ()
    """Assets that are in an album."""
    parted: tuple[Membership, ...] = ()
    """Assets that no longer are."""


class Outcome(Report):
    """A report that ends a task; the task's own key and attempt come back."""

    stage: str
    key: int
    attempt: int
    asset: str
    """iCloud's id of the asset, so that a report can never count for another row, e.g. after a restored database."""
    seconds: float = 0.0
    """How long the worker worked on it."""


class Downloaded(Outcome):
    """A resource lies verified (length and Apple's checksum) at `<area>/<path>`."""

    type: Literal["downloaded"] = "downloaded"
    sha256: str
    size: int
    area: Area
    path: str


class Staged(Outcome):
    """A file lies in the window that Syncthing shares with the phone."""

    type: Literal["staged"] = "staged"
    path: str
    mtime_ns: int


class GoogleRefused(Outcome):
    """Google Photos does not take this file; the asset stays in iCloud for that reason."""

    type: Literal["google_refused"] = "google_refused"
    reason: str


class NasVerified(Outcome):
    """The NAS holds these bytes: read back cold after fsync."""

    type: Literal["nas_verified"] = "nas_verified"
    path: str
    sha256: str
    size: int
    grade: Literal["cold", "weak"]
    archive: str
    file_system: str


class NasMismatch(Outcome):
    """The NAS does not hold the bytes it should: deletion freezes until a person looks."""

    type: Literal["nas_mismatch"] = "nas_mismatch"
    path: str
    reason: str
    archive: str
    file_system: str


class Compressed(Outcome):
    """A rendition lies at `compress/<path>`, decoded again and smaller than the original."""

    type: Literal["compressed"] = "compressed"
    path: str
    sha256: str
    size: int
    encoder: str
    settings: str
    tier: str
    score: float | None = None
    """How alike it looks, up to 100: SSIMULACRA2 of a photo, mean VMAF of a video; None: not measured."""
    renew_at: datetime | None = None
    """When the photo has grown out of its tier, and is to be compressed anew from the original; None: never."""


class Left(Outcome):
    """The original stays as it is; `readable` is None when its bytes were not decoded."""

    type: Literal["left"] = "left"
    reason: str
    tier: str
    readable: bool | None
    renew_at: datetime | None = None
    """As in `Compressed`."""


class RenditionArchived(Outcome):
    """The rendition took the original's place on the NAS; the original was verified anew at its retreat."""

    type: Literal["rendition_archived"] = "rendition_archived"
    rendition_path: str
    original_path: str
    original_sha256: str
    grade: Literal["cold", "weak"]
    archive: str
    file_system: str


class RenditionRenewed(Outcome):
    """The rendition took a former one's place, and no original lies behind it any more."""

    type: Literal["rendition_renewed"] = "rendition_renewed"
    sha256: str
    archive: str
    file_system: str


class RenditionLost(Outcome):
    """The rendition is gone or holds other bytes than were reported: it is made anew from the original."""

    type: Literal["rendition_lost"] = "rendition_lost"
    reason: str


class OriginalReleased(Outcome):
    """The original has left the archive; its rendition was read back cold right before."""

    type: Literal["original_released"] = "original_released"
    path: str
    archive: str
    file_system: str


class ReleaseKept(Outcome):
    """The original stays in the archive: the state service gave no permit."""

    type: Literal["release_kept"] = "release_kept"
    reasons: tuple[str, ...]


class AlbumVetoed(Outcome):
    """The asset was in the album before and the person has taken it out: nothing was done, it stays in iCloud."""

    type: Literal["album_vetoed"] = "album_vetoed"


class AlbumAdded(Outcome):
    """The asset is in the album of assets to be deleted, its local files in `delete_pending/`."""

    type: Literal["album_added"] = "album_added"


class AlbumReturned(Outcome):
    """The local files of a vetoed asset are back in `backup/`."""

    type: Literal["album_returned"] = "album_returned"


class DeletionKept(Outcome):
    """No deletion was made: the gate kept the asset, or iCloud refused; `permit` is set when one was spent."""

    type: Literal["deletion_kept"] = "deletion_kept"
    permit: str | None
    veto: bool
    reasons: tuple[str, ...]


class Deleted(Outcome):
    """iCloud confirmed the soft deletion for this very record."""

    type: Literal["deleted"] = "deleted"
    permit: str
    expunged: datetime | None
    """When iCloud will forget it (30 days on), if it said so."""


class Purged(Outcome):
    """The local files of a deleted asset were removed from `delete_pending/`."""

    type: Literal["purged"] = "purged"
    media: tuple[int, ...]


class PurgeKept(Outcome):
    """Nothing was removed: the state service gave no permit."""

    type: Literal["purge_kept"] = "purge_kept"
    reasons: tuple[str, ...]


class Failed(Outcome):
    """The task failed; transient ones come back after a delay, permanent ones go to quarantine."""

    type: Literal["failed"] = "failed"
    lasting: Literal["transient", "permanent"]
    reason: str
    retry_after: float | None = None


class GoogleEvidence(Report):
    """What the phone's Syncthing shows of one media."""

    type: Literal["google_evidence"] = "google_evidence"
    media: int
    asset: str
    level: GoogleLevel


class GoogleSuspect(Report):
    """The file vanished from the phone in a way that proves nothing."""

    type: Literal["google_suspect"] = "google_suspect"
    media: int
    asset: str
    reason: str


class Unstaged(Report):
    """The file was taken out of the window that Syncthing shares; nothing is watched any more."""

    type: Literal["unstaged"] = "unstaged"
    media: int
    asset: str


class AssetRefreshed(Report):
    """iCloud's record of one known asset as a look at it alone showed it: the change feed does not list it again."""

    type: Literal["asset_refreshed"] = "asset_refreshed"
    seen: AssetSeen


class Attention(Report):
    """Something needs a person (`raised`), or no longer does."""

    type: Literal["attention"] = "attention"
    key: str
    text: str
    raised: bool


AnyReport = Annotated[
    PageSeen
    | Downloaded
    | Staged
    | GoogleRefused
    | NasVerified
    | NasMismatch
    | Compressed
    | Left
    | RenditionArchived
    | AlbumAdded
    | AlbumReturned
    | DeletionKept
    | Deleted
    | Purged
    | Failed
    | GoogleEvidence
    | GoogleSuspect
    | Unstaged
    | AssetRefreshed
    | RenditionRenewed
    | RenditionLost
    | OriginalReleased
    | ReleaseKept
    | AlbumVetoed
    | PurgeKept
    | Attention,
    Field(discriminator="type"),
]
REPORT: TypeAdapter[AnyReport] = TypeAdapter(AnyReport)
"""Reads and writes any report as JSON."""
