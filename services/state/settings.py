"""The state service's settings: where the truth is kept, and the rules of deletion; every default errs towards keeping."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from services.state.policy.google import GoogleRules
from services.state.policy.rules import Policy
from shared.domain.albums import checked_names
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.release import Keeping
from shared.domain.spans import Span
from shared.runtime.rhythm import checked_rhythm
from shared.runtime.settings import load_section

if TYPE_CHECKING:
    from shared.runtime.settings import Common, LibrarySettings

_DATABASE: Final = re.compile(
    r"sqlite:///.+"
    r"|postgresql(\+psycopg)?://([^:/@]*(:[^@]*)?@)?(\[[^/?]+\]|[^/:?@]*)(:\d+)?(/[^?]*)?(\?.*)?"
)
AlbumNames = Annotated[tuple[str, ...], AfterValidator(checked_names)]
"""Names as iCloud shows them; case and spaces at the ends make no difference."""


class DeletionSettings(BaseModel):
    """The `deletion` part of the settings. No value of it can ask for less than a verified NAS copy."""

    model_config = ConfigDict(extra="forbid")

    google_evidence: Literal["settled", "freed", "confirmed", "takeout"] = "confirmed"
    """What Google Photos has to have shown; `confirmed`: the person ran "Free up space" and said so."""
    evidence_age: Span = timedelta(hours=24)
    """How old the cold read of the NAS copy may be at the moment of deletion."""
    dwell: Span = timedelta(days=14)
    """How long an asset waits in the album; taking it out is the person's veto."""
    minimum_age: Span = timedelta(days=30)
    """Younger photos are never deleted."""
    max_items_run: int = Field(default=100, ge=0)
    """Deletions in an hour before an explicit approval is needed; of as many photos originals may leave the archive."""
    max_items_day: int = Field(default=200, ge=0)
    """The same in a day."""
    max_percent_day: float = Field(default=2.0, ge=0, le=100, allow_inf_nan=False)
    """The same as a share of the library, in percent."""
    accept_weak_reads: bool = True
    """On NFS and SMB only the client's cache can be dropped; false refuses such reads as evidence."""
    never_delete: tuple[Literal["favorites", "hidden", "videos", "live", "raw"], ...] = ()
    """Kinds of photos that stay in iCloud for good: `favorites`, `hidden`, `videos`, `live`, `raw`."""
    never_delete_albums: AlbumNames = ()
    """What is in an album of one of these names stays in iCloud; looked up again right before each deletion."""
    without_google: bool = False
    """true: what the section `google` leaves out (hidden photos, too) may be deleted on its verified NAS copy alone."""
    local_purge_after: Span | None = timedelta(days=7)
    """How long local originals stay after the confirmed deletion; null keeps them."""
    keep_originals: Span | None = None
    """How long the archive keeps originals behind renditions after the confirmed deletion, 31d at least; null: for ever.
    After that only the rendition and what Google Photos holds are left."""
    keep_originals_until: Literal["confirmed", "takeout"] = "confirmed"
    """What Google Photos has to have shown before an original leaves the archive."""

    @field_validator("evidence_age")
    @classmethod
    def _is_a_while(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= timedelta(days=7):
            raise ValueError("expected between 1m and 7d")
        return value

    @field_validator("keep_originals")
    @classmethod
    def _outlives_the_bin(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(days=31):
            raise ValueError("expected at least 31d: iCloud gives a deleted photo back for 30 days")
        return value

    @field_validator("dwell", "minimum_age", "local_purge_after", "keep_originals")
    @classmethod
    def _is_of_a_life(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value > timedelta(days=3_650):
            raise ValueError("expected at most 3650d")
        return value


class GoogleSettings(BaseModel):
    """What Google Photos receives. All is archived whatever stands here; what is left out stays in iCloud."""

    model_config = ConfigDict(extra="forbid")

    send: tuple[Literal["original", "edited", "live", "alternate"], ...] = (
        "original",
        "edited",
        "live",
        "alternate",
    )
    """Files of an asset: the original, the edited version, the movie of a Live Photo, the RAW or JPEG twin."""
    kinds: tuple[Literal["photo", "video"], ...] = ("photo", "video")
    """Kinds of assets; a Live Photo is a photo."""
    albums: AlbumNames = ()
    """Only what is in one of these albums; empty: everything."""
    except_albums: AlbumNames = ()
    """Nothing that is in one of these."""
    favorites_only: bool = False
    """Only favourites."""
    hidden: bool = False
    """Hidden photos, too; Google Photos would show them among the others, and what was sent cannot be taken back."""


class Switch(BaseModel):
    """What of the `icloud_cleanup` part the rules of deletion depend on, too."""

    model_config = ConfigDict(extra="ignore")

    enabled: bool = False
    during: str | None = None
    album: str = "DeletePending"


def checked_url(url: str) -> str:
    """Return the address of a database; ValueError for what is none, without its words: it may hold a password."""
    if not _DATABASE.fullmatch(url):
        raise ValueError("expected an address such as postgresql+psycopg://USER@HOST/NAME")
    return url


class TierSettings(BaseModel):
    """What of the `compressor` part the planning depends on, too; the rest is checked there."""

    model_config = ConfigDict(extra="ignore")

    tiers: tuple[dict[str, Any], ...] | None = None
    reencode_renditions: bool = False

    @property
    def albums(self) -> tuple[str, ...]:
        """The albums that the tiers name, each once."""
        wheres = (tier.get("where") for tier in self.tiers or ())
        lists = (where.get("albums") for where in wheres if isinstance(where, dict))
        names = (name for albums in lists if isinstance(albums, list) for name in albums)
        return tuple(dict.fromkeys(str(name) for name in names))


class BackupSettings(BaseModel):
    """Backups of the books, made while photoduct runs."""

    model_config = ConfigDict(extra="forbid")

    at: Annotated[str, AfterValidator(checked_rhythm)] = "30 3 * * *"
    """When: a cron pattern in local time, or an interval like `12h`."""
    keep: int = Field(default=14, ge=2)
    """How many are kept."""
    folder: Path | None = None
    """Where; default: `backups` in the data folder. Another disk is better."""


class StateSettings(BaseModel):
    """The `state` part of the settings."""

    model_config = ConfigDict(extra="forbid")

    database_url: Annotated[str, AfterValidator(checked_url)] | None = None
    """A SQLAlchemy URL (`postgresql+psycopg://...`); default: `media.db` in the data folder."""
    database_password: str | None = None
    """Password of the database; better in the environment (`PHOTODUCT_STATE__DATABASE_PASSWORD`) or a file."""
    database_password_file: Path | None = None
    """File that holds it."""
    backup: BackupSettings = BackupSettings()
    """Backups of the books: when, how many, where."""
    compress_after: Literal["arrived", "settled", "freed"] = "settled"
    """Compression waits for the NAS copy and for this evidence of Google Photos."""
    first_retry: Span = timedelta(seconds=2)
    """Delay after a task's first failure; each further one waits four times as long, at most 6 h."""
    tries: int | None = Field(default=None, ge=1, le=50)
    """Failures of one task before quarantine; null: as the stage table says (10, about 15 hours)."""
    reconcile_every: Span = timedelta(seconds=30)
    """How often the books are compared with the bus, for work that got lost there."""
    patience: Span = timedelta(minutes=2)
    """How long work may be out before the books are compared with the bus."""

    @field_validator("first_retry", "reconcile_every", "patience")
    @classmethod
    def _is_no_moment(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=0.05):
            raise ValueError("expected at least 0.05s")
        return value


def load_policy(state: StateSettings, switch: Switch, library: LibrarySettings) -> Policy:
    """Return the rules that the settings ask for; raises SettingsError."""
    deletion = load_section("deletion", DeletionSettings)
    google = load_section("google", GoogleSettings)
    tiers = load_section("compressor", TierSettings)
    rules = Rules(
        enabled=switch.enabled,
        google_level=GoogleLevel(deletion.google_evidence),
        evidence_age=deletion.evidence_age,
        dwell=deletion.dwell,
        minimum_age=deletion.minimum_age,
        max_items_run=deletion.max_items_run,
        max_items_day=deletion.max_items_day,
        max_percent_day=deletion.max_percent_day,
        accept_weak_reads=deletion.accept_weak_reads,
        never_delete_albums=deletion.never_delete_albums,
        without_google=deletion.without_google,
    )
    return Policy(
        deletion=rules,
        compress_after=GoogleLevel(state.compress_after),
        tier_albums=tiers.albums,
        reencode=tiers.reencode_renditions,
        local_purge_after=deletion.local_purge_after,
        keeping=Keeping(deletion.keep_originals, GoogleLevel(deletion.keep_originals_until)),
        first_retry=state.first_retry,
        tries=state.tries,
        never_delete=deletion.never_delete,
        google=GoogleRules(**google.model_dump()),
        pending_album=switch.album,
        folders=library.folders,
        sidecars=library.xmp_sidecars,
    )


def backup_folder(state: StateSettings, common: Common) -> Path:
    """Return where backups are kept."""
    return state.backup.folder or common.data / "backups"
