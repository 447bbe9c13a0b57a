"""The stage table: read this first. Streams, consumers, permissions and docs are made from it; it does nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain import events, work_items
from shared.domain.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of work: who does it, what it reads, how it may end, and how patient the bus is with it."""

    name: str
    service: str
    work: type[work_items.Work]
    emits: tuple[type[events.Outcome], ...]
    about: str
    lanes: tuple[str, ...] = ("all",)
    """Photos and videos apart where an hour-long video would block photos."""
    ack_wait: float = 60.0
    """Seconds without a sign of life after which the bus gives the work to another worker."""
    tries: int = 10
    """Reported failures before quarantine; deaths of workers do not count."""
    slots: int = 8
    """Tasks that one worker process works on at once, by default."""

    @property
    def stream(self) -> str:
        """JetStream stream of this stage's work."""
        return f"JOB_{self.name.upper()}"

    @property
    def subjects(self) -> str:
        """Subjects of the stream."""
        return f"job.{self.name}.*"

    def subject(self, lane: str) -> str:
        """Subject of one lane's work."""
        return f"job.{self.name}.{lane}"

    def consumer(self, lane: str) -> str:
        """Durable consumer of one lane."""
        return f"{self.name}-{lane}"


@dataclass(frozen=True, slots=True)
class Service:
    """One container: what it may ask the state service, and what it is for."""

    name: str
    about: str
    asks: tuple[str, ...] = ()
    """Request/reply questions to the state service, subject `ask.state.<name>`."""
    says: tuple[type[events.Report], ...] = ()
    """Reports that end no task."""
    shows: tuple[type[Progress], ...] = ()
    """What it tells whoever listens on `progress.<name>`, kept by nobody; at once when asked by `cmd.<name>.progress`."""


BY_KIND = ("photo", "video")
METADATA = "metadata"
"""The lane of what photoduct writes about an asset: it needs no line, and would leave the line idle in a lane with what does."""

DOWNLOADER = Service(
    "downloader",
    "brings every iCloud file to local disk and proves its bytes",
    asks=("sync_token",),
    says=(events.PageSeen, events.AssetRefreshed, events.Attention),
)
PIXEL_SYNC = Service(
    "pixel_sync",
    "shows files to the Pixel phone and watches what it does with them",
    asks=("google_watch",),
    says=(events.GoogleEvidence, events.GoogleSuspect, events.Unstaged, events.Attention),
)
NAS_SYNC = Service(
    "nas_sync",
    "archives files on the NAS and reads them back cold",
    asks=("claim_release",),
    says=(events.Attention,),
)
COMPRESSOR = Service(
    "compressor",
    "makes smaller renditions, by age",
    says=(events.Attention,),
    shows=(Progress,),
)
ICLOUD_CLEANUP = Service(
    "icloud_cleanup",
    "collects finished assets in the album DeletePending, later deletes them",
    asks=("claim_deletion", "claim_purge"),
    says=(events.AssetRefreshed, events.Attention),
)
STATE = Service("state", "keeps the truth and says what is to be done next")

SERVICES = (DOWNLOADER, PIXEL_SYNC, NAS_SYNC, COMPRESSOR, ICLOUD_CLEANUP)
"""The workers; `state` is the one that they report to."""

DOWNLOAD = Stage(
    "download",
    "downloader",
    work_items.DownloadWork,
    (events.Downloaded, events.Failed),
    "stream the resource to disk, check length and Apple's checksum",
    lanes=(*BY_KIND, METADATA),
)
PIXEL = Stage(
    "pixel",
    "pixel_sync",
    work_items.FileWork,
    (events.Staged, events.GoogleRefused, events.Failed),
    "hardlink the file into the folder that the phone receives",
    slots=16,
)
NAS = Stage(
    "nas",
    "nas_sync",
    work_items.FileWork,
    (events.NasVerified, events.NasMismatch, events.Failed),
    "publish the original on the NAS and read it back cold",
    ack_wait=120,
)
COMPRESS = Stage(
    "compress",
    "compressor",
    work_items.FileWork,
    (events.Compressed, events.Left, events.Failed),
    "decode the file, encode it for its age, keep what is smaller and whole",
    lanes=BY_KIND,
    slots=2,
)
RENDITION = Stage(
    "rendition",
    "nas_sync",
    work_items.RenditionWork,
    (
        *(events.RenditionArchived, events.RenditionRenewed, events.RenditionLost),
        *(events.NasMismatch, events.Failed),
    ),
    "put the rendition in the original's place, the original into .originals/",
    ack_wait=120,
)
ALBUM = Stage(
    "album",
    "icloud_cleanup",
    work_items.AssetWork,
    (events.AlbumAdded, events.AlbumVetoed, events.Failed),
    "move the local files to delete_pending/, add the asset to the album DeletePending",
)
VERIFY = Stage(
    "verify",
    "nas_sync",
    work_items.FileWork,
    (events.NasVerified, events.NasMismatch, events.Failed),
    "read the archived original back cold once more",
    ack_wait=120,
)
DELETE = Stage(
    "delete",
    "icloud_cleanup",
    work_items.AssetWork,
    (events.Deleted, events.DeletionKept, events.Failed),
    "look at the record again, ask the gate for a permit, delete softly",
    slots=4,
)
RETURN = Stage(
    "return",
    "icloud_cleanup",
    work_items.AssetWork,
    (events.AlbumReturned, events.Failed),
    "move the files of a vetoed asset back to backup/",
)
PURGE = Stage(
    "purge",
    "icloud_cleanup",
    work_items.AssetWork,
    (events.Purged, events.PurgeKept, events.Failed),
    "remove the local files of a deleted asset whose NAS copy was just verified",
)
RELEASE = Stage(
    "release",
    "nas_sync",
    work_items.RenditionWork,
    (events.OriginalReleased, events.ReleaseKept, events.NasMismatch, events.Failed),
    "remove an archived original whose time has come, under a permit, while its rendition is whole",
    ack_wait=120,
    slots=2,
)

STAGES = (DOWNLOAD, PIXEL, NAS, COMPRESS, RENDITION, ALBUM, VERIFY, DELETE, RETURN, PURGE, RELEASE)
STAGE = {stage.name: stage for stage in STAGES}

REPORTS_STREAM = "EVT"
REPORTS_SUBJECTS = "evt.*.*"
REPORTS_CONSUMER = "state"
ADVISORIES_STREAM = "ADV"
ADVISORIES_SUBJECT = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"
OPERATOR_ASKS = (
    "status",
    "media",
    "pending",
    "failures",
    "retry",
    "approve",
    "veto",
    "renew",
    "unfreeze",
    "confirm_freed",
    "sync_token",
    "backup",
)
"""What the person at the command line may ask."""


def stages_of(service: str) -> Iterator[Stage]:
    """Yield the stages that a service works on."""
    return (stage for stage in STAGES if stage.service == service)


def report_subject(service: str, report: type[events.Report]) -> str:
    """Return the subject on which a service publishes a type of report."""
    return f"evt.{service}.{report.model_fields['type'].default}"


def progress_subject(service: str) -> str:
    """Return the subject on which a service shows what it has under way."""
    return f"progress.{service}"


def alive_subject(service: str) -> str:
    """Return the subject on which a worker says that it is there."""
    return f"alive.{service}"


def reports_of(service: Service) -> tuple[type[events.Report], ...]:
    """Return every type of report that a service may publish."""
    found = dict.fromkeys(service.says)
    for stage in stages_of(service.name):
        found.update(dict.fromkeys(stage.emits))
    return tuple(found)
