"""Assets, media and work as the state service holds them during one transaction; they know no database and no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.folders import DEFAULT as DEFAULT_FOLDERS
from shared.domain.icloud_records import record_checksum
from shared.domain.ids import Area, Resource
from shared.domain.naming import suffix_of
from shared.domain.pipeline import STAGE
from shared.domain.states import check_move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ASSET_STAGES = frozenset({"album", "delete", "return", "purge"})
"""Stages whose key is an asset's row number; all others have a media's."""
ACTIVE = frozenset({"due", "out"})


@dataclass(slots=True)
class Media:
    """One file of an asset; the fields are columns of the `media` table."""

    id: int
    asset_id: int
    icloud_id: str
    filename: str
    created_date: str
    resource: str
    checksum: str
    listed_size: int
    kind: str
    path: str
    path_key: str
    current: bool = True
    sha256: str | None = None
    initial_size: int | None = None
    last_compressed: datetime | None = None
    local: str = "wanted"
    google: str = "none"
    google_since: datetime | None = None
    google_objection: str | None = None
    staged_path: str | None = None
    staged_mtime_ns: int | None = None
    nas: str = "none"
    nas_path: str | None = None
    nas_verified_at: datetime | None = None
    nas_archive: str | None = None
    nas_file_system: str | None = None
    nas_grade: str | None = None
    compression: str = "none"
    compression_note: str | None = None
    readable: bool | None = None
    tier: str | None = None
    rendition_path: str | None = None
    rendition_sha256: str | None = None
    rendition_size: int | None = None
    score: float | None = None
    renew_at: datetime | None = None
    candidate: str | None = None
    """While it is being renewed: the columns that the new rendition will fill, as JSON."""

    @property
    def has_rendition(self) -> bool:
        """True while a rendition lies in its place in the archive, the original behind it."""
        kept = self.compression == "renewing" and self.rendition_sha256 is not None
        return self.compression == "archived" or kept

    @property
    def has_no_original(self) -> bool:
        """True when its original has left the archive and is not on the local disk either: its rendition alone is here."""
        return self.nas == "released" and not self.on_disk

    @property
    def is_leaving(self) -> bool:
        """True while its first rendition is on its way to its place: the original moves, and is proven where it goes."""
        return self.compression == "renewing" and not self.has_rendition

    @property
    def has_same_form(self) -> bool:
        """True when its rendition is of its original's form, so that a decoder of that reads it."""
        return suffix_of(self.rendition_path or "") == suffix_of(self.path)

    @property
    def area(self) -> Area:
        """The folder of the library in which the file lies."""
        return Area.DELETE_PENDING if self.local == "delete_pending" else Area.BACKUP

    @property
    def on_disk(self) -> bool:
        """True while the original lies in the library."""
        return self.local in {"backup", "delete_pending"}

    @property
    def is_metadata(self) -> bool:
        """True for what photoduct writes about an asset: its iCloud record, its XMP sidecar."""
        return Resource(self.resource).is_metadata


@dataclass(slots=True)
class Album:
    """One of the person's albums; the fields are columns of the `album` table."""

    id: str
    zone: str
    name: str
    parent: str | None
    deleted: bool
    pass_number: int
    """The pass over the whole history in which, or after which, it was last shown."""


@dataclass(slots=True)
class Asset:
    """One iCloud asset; the fields but the last two are columns of the `asset` table."""

    id: int
    icloud_id: str
    zone: str
    change_tag: str
    filename: str
    created_date: str
    stem_key: str
    stem: str
    favorite: bool
    hidden: bool
    listed: bool = True
    problem: str | None = None
    removal: str = "none"
    pending_since: datetime | None = None
    deleted_at: datetime | None = None
    approved: bool = False
    was_pending: bool = False
    hold_until: datetime | None = None
    kept_because: str | None = None
    permit: str | None = None
    wake_at: datetime | None = None
    media: list[Media] = field(default_factory=list)
    albums: tuple[str, ...] = ()
    """Names of the person's albums that hold it, sorted; without the album of assets to be deleted."""

    @property
    def record_checksum(self) -> str:
        """What names its iCloud record as it is now: an archived one of another name is not its record."""
        return record_checksum(self.change_tag, self.albums)

    @property
    def created(self) -> datetime:
        """When the photo was taken, in its own time zone."""
        return datetime.fromisoformat(self.created_date)

    @property
    def current(self) -> list[Media]:
        """The files that the asset has in iCloud now."""
        return [media for media in self.media if media.current]


@dataclass(slots=True)
class Task:
    """One stage's task with one media or asset; the fields are columns of the `work` table."""

    stage: str
    key: int
    asset_id: int
    lane: str
    attempt: int = 1
    state: str = "due"
    failures: int = 0
    rings: int = 0
    reason: str | None = None
    due_at: datetime | None = None
    published_seq: int | None = None
    published_at: datetime | None = None
    seconds: float | None = None

    @property
    def active(self) -> bool:
        """True while it is to be done or being done."""
        return self.state in ACTIVE


@dataclass(frozen=True, slots=True)
class Move:
    """One step of one state machine, for the history."""

    asset_id: int
    media_id: int | None
    machine: str
    old: str
    new: str
    report_id: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One dated fact about a copy, for the evidence table."""

    media_id: int
    copy: str
    level: str
    sha256: str | None
    path: str | None
    archive: str | None
    file_system: str | None
    report_id: str


@dataclass(slots=True)
class Books:
    """Everything that one transaction has loaded, and what it has done to it."""

    now: datetime
    taken: Callable[[str], bool]
    """Is this stem or path key in the database already?"""
    next_asset: int
    next_media: int
    pending_album: str = "DeletePending"
    folders: str = DEFAULT_FOLDERS
    first_retry: timedelta = timedelta(seconds=2)
    tries: int | None = None
    report_id: str = ""
    assets: dict[int, Asset] = field(default_factory=dict)
    by_icloud_id: dict[str, Asset] = field(default_factory=dict)
    media: dict[int, Media] = field(default_factory=dict)
    tasks: dict[tuple[str, int], Task] = field(default_factory=dict)
    by_asset: dict[int, list[Task]] = field(default_factory=dict)
    settings: dict[str, str | None] = field(default_factory=dict)
    tokens: dict[str, tuple[str, bool]] = field(default_factory=dict)
    attention: dict[str, tuple[str, bool]] = field(default_factory=dict)
    closed_permits: dict[str, str] = field(default_factory=dict)
    released: set[int] = field(default_factory=set)
    """Files whose originals have left the archive: their permits are used up."""
    permits: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Permits that reports name: whose they are, and their outcome so far."""
    moves: list[Move] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    new_names: set[str] = field(default_factory=set)
    stepped: dict[int, set[tuple[int | None, str]]] = field(default_factory=dict)
    """By asset, the machines that moved since its rows were last written."""
    write_step: Callable[[Asset], None] = lambda _: None
    """Writes an asset's rows as they are, so that the database sees every single step and can refuse it."""
    touched: set[int] = field(default_factory=set)
    albums: dict[str, Album] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    """By asset's iCloud id, the albums that it is in; for every asset that was loaded or named."""
    zones_looked: set[str] = field(default_factory=set)
    """Zones of which a whole look is recorded."""
    first_looks: set[str] = field(default_factory=set)
    """Zones of which a whole look ended for the first time: much was waiting for that."""
    changed_albums: set[str] = field(default_factory=set)
    changed_members: dict[tuple[str, str], tuple[str, int] | None] = field(default_factory=dict)
    """(album, asset) to (zone, number of the pass that showed it), or None for one that ended."""
    ended_passes: dict[str, int] = field(default_factory=dict)
    """By zone, the number of a whole pass that ended: what it did not show is no more."""
    void_archive: tuple[str, str] | None = None
    """(archive, file system) that is there now, set when the NAS turned out to be another one: all evidence of others is void."""

    def add(self, asset: Asset) -> None:
        """Take an asset with its media into the books."""
        self.assets[asset.id] = asset
        self.by_icloud_id[asset.icloud_id] = asset
        self.media.update((media.id, media) for media in asset.media)

    def asset_of(self, media: Media) -> Asset:
        """Return the asset of a media."""
        return self.assets[media.asset_id]

    def move(self, thing: Asset | Media, machine: str, new: str, note: str | None = None) -> None:
        """Move one state machine, if its table allows that; raises IllegalMove."""
        old = getattr(thing, machine)
        check_move(machine, old, new)
        asset_id, media_id = (
            (thing.id, None) if isinstance(thing, Asset) else (thing.asset_id, thing.id)
        )
        stepped = self.stepped.setdefault(asset_id, set())
        if (media_id, machine) in stepped:
            self.write_step(self.assets[asset_id])
            stepped.clear()
        stepped.add((media_id, machine))
        setattr(thing, machine, new)
        self.touched.add(asset_id)
        self.moves.append(Move(asset_id, media_id, machine, old, new, self.report_id, note))

    def began(self, thing: Asset | Media, machines: Iterable[str]) -> None:
        """Record the first state of each machine of a new row."""
        asset_id, media_id = (
            (thing.id, None) if isinstance(thing, Asset) else (thing.asset_id, thing.id)
        )
        self.touched.add(asset_id)
        for machine in machines:
            new = getattr(thing, machine)
            check_move(machine, "", new)
            self.stepped.setdefault(asset_id, set()).add((media_id, machine))
            self.moves.append(Move(asset_id, media_id, machine, "", new, self.report_id, None))

    def name_is_taken(self, key: str) -> bool:
        """Is this stem or path key taken, in the database or by this very transaction?"""
        return key in self.new_names or self.taken(key)

    def put_task(self, task: Task) -> None:
        """Take a task into the books."""
        self.tasks[task.stage, task.key] = task
        self.by_asset.setdefault(task.asset_id, []).append(task)

    def task_of(self, stage: str, key: int) -> Task | None:
        """Return the task, in whatever state."""
        return self.tasks.get((stage, key))


def subject_of(task: Task) -> str:
    """Return the bus subject of a task."""
    return STAGE[task.stage].subject(task.lane)
