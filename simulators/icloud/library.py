"""What the person's library holds, as read from disk; it never writes to the library folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.icloud.contents import Content, Role
from simulators.icloud.media_types import read_header
from simulators.icloud.records import Fault

Action = Literal["veto", "edit"]
DatabaseName = Literal["private", "shared"]
FilenameForm = Literal["usual", "plain", "missing", "invalid"]


class LibraryError(Exception):
    """The library folder cannot be used; the text says why in one sentence."""


class ManifestAsset(BaseModel):
    """One asset of library.json; paths are relative to the library folder."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    master: str | None = None
    filename: str
    created: datetime | None = None
    added: datetime | None = None
    favorite: bool = False
    hidden: bool = False
    albums: tuple[str, ...] = ()
    resources: Annotated[dict[Role, str], Field(min_length=1)]
    when_pending: Action | None = None
    edit_file: str | None = None
    fault: Fault | None = None
    burst: str | None = None
    burst_pick: bool = False
    slow_motion: bool = False
    keywords: tuple[str, ...] = ()
    caption: str = ""
    description: str = ""
    location: tuple[float, float] | None = None
    filename_form: FilenameForm = "usual"
    no_item_type: bool = False
    zone: str = "PrimarySync"
    """SharedSync stands for a shared library: this person's own, or in `shared` another's."""
    database: DatabaseName = "private"
    plant: str | None = None
    """What a demo planted it as; for whoever reads the manifest, this program does nothing with it."""
    expect: str | None = None
    """What a demo expects to become of it; likewise."""


class Manifest(BaseModel):
    """The whole of library.json; keys this program does not know are left alone."""

    assets: tuple[ManifestAsset, ...]
    folders: dict[str, str] = {}
    """The folder that an album, or another folder, lies in, by their names."""


@dataclass(frozen=True)
class Details:
    """What most assets lack: bursts, slow motion, words, a place (degrees), and what is wrong with them."""

    burst: str | None = None
    burst_pick: bool = False
    slow_motion: bool = False
    keywords: tuple[str, ...] = ()
    caption: str = ""
    description: str = ""
    location: tuple[float, float] | None = None
    filename_form: FilenameForm = "usual"
    no_item_type: bool = False


NO_DETAILS = Details()


@dataclass(frozen=True)
class AssetSpec:
    """One asset as the library says it is; `created` and `added` know their time zone."""

    id: str
    master_id: str
    filename: str
    created: datetime
    added: datetime
    resources: Mapping[Role, Content]
    favorite: bool = False
    hidden: bool = False
    albums: tuple[str, ...] = ()
    when_pending: Action | None = None
    edit_file: Path | None = None
    fault: Fault | None = None
    sides: tuple[int, int] = field(default=(0, 0))
    details: Details = NO_DETAILS
    zone: str = "PrimarySync"
    database: DatabaseName = "private"


def stable_id(*parts: str) -> str:
    """Derive an id in Apple's form (an upper-case UUID) from what names the thing."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest().upper()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def master_name(seed: str) -> str:
    """Derive a CPLMaster's record name, which Apple makes from the content's fingerprint."""
    return "A" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:27]


def instant(moment: datetime | None, otherwise: datetime) -> datetime:
    """Give a moment a time zone: one without is read as UTC, a missing one is replaced."""
    if moment is None:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def file_moment(path: Path) -> datetime:
    """When a file was last changed, in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def read_manifest(folder: Path) -> list[AssetSpec]:
    """Read library.json; raises LibraryError when it is malformed or names a missing file."""
    manifest = _manifest(folder)
    specs = [_spec(folder, number, asset) for number, asset in enumerate(manifest.assets)]
    _refuse_repeated_ids(specs)
    return specs


def read_folders(folder: Path) -> dict[str, str]:
    """Read which albums lie in which folders; none without a manifest. Raises LibraryError."""
    return _manifest(folder).folders if (folder / "library.json").is_file() else {}


def _manifest(folder: Path) -> Manifest:
    try:
        text = (folder / "library.json").read_text(encoding="utf-8")
        return Manifest.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LibraryError(f"library.json in {folder}: {place}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise LibraryError(f"library.json in {folder} cannot be read: {error}") from error


def _spec(folder: Path, number: int, asset: ManifestAsset) -> AssetSpec:
    files = {role: _existing(folder, name) for role, name in asset.resources.items()}
    original = files.get("original") or next(iter(files.values()))
    header = read_header(original)
    created = instant(asset.created or header.taken, file_moment(original))
    name = asset.id or stable_id("asset", str(number), asset.filename)
    return AssetSpec(
        id=name,
        master_id=master_name(f"shared {asset.master}" if asset.master else f"of {name}"),
        filename=asset.filename,
        created=created,
        added=instant(asset.added, created),
        resources=files,
        favorite=asset.favorite,
        hidden=asset.hidden,
        albums=asset.albums,
        when_pending=asset.when_pending,
        edit_file=_existing(folder, asset.edit_file) if asset.edit_file else None,
        fault=asset.fault,
        sides=(header.width, header.height),
        zone=asset.zone,
        database=asset.database,
        details=Details(**{one.name: getattr(asset, one.name) for one in fields(Details)}),
    )


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise LibraryError(f"library.json names {name}, which is not a file in {folder}")
    return path


def _refuse_repeated_ids(specs: list[AssetSpec]) -> None:
    ids = [spec.id for spec in specs]
    if (
        repeated := {name for name in ids if ids.count(name) > 1}
        if len(set(ids)) < len(ids)
        else None
    ):
        raise LibraryError(f"library.json repeats the id {sorted(repeated)[0]}")
