"""Reads iCloud's photo records: what a page holds, what an asset is made of; a bad record can never cost its page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.domain.icloud_fields import (
    Record,
    clean,
    encoded_text,
    flag,
    moment,
    number,
    text,
    utc_offset,
    value,
)
from shared.domain.icloud_files import ASSET, MASTER, ROLES, extension, is_unknown, kind
from shared.domain.ids import OWN_ZONE, ChangeTag, Kind, Resource, asset_id
from shared.domain.seen import AlbumSeen, AssetSeen, Membership, ResourceSeen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = (
    "recordName",
    "recordType",
    "recordChangeTag",
    "fields",
    "pluginFields",
    "created",
    "modified",
)
ALBUM, MEMBER = "CPLAlbum", "CPLContainerRelation"
_IN = "-IN-"
_VOLATILE = frozenset({"downloadURL"})
_SLOW_MOTION = "com.apple.video.slomo"
"""An edit that is only played: the original is all there is."""
SHARED = "it belongs to a shared library, from which photoduct never deletes"


@dataclass(frozen=True, slots=True)
class SortedPage:
    """The photo records of one page by kind; `gone` are names of records that no longer exist, of any kind but relations."""

    masters: dict[str, Record]
    assets: dict[str, Record]
    gone: tuple[str, ...] = ()
    albums: tuple[AlbumSeen, ...] = ()
    joined: tuple[Membership, ...] = ()
    parted: tuple[Membership, ...] = ()
    unread: frozenset[str] = frozenset()
    """Names with an error of iCloud's in their place: what they are is unknown."""


@dataclass(frozen=True, slots=True)
class FileOf:
    """One file of an asset; `url` is good for an hour at most."""

    resource: Resource
    checksum: str
    size: int
    file_type: str
    url: str


def sort_page(records: Iterable[object], zone: str) -> SortedPage:
    """Sort a page of the change feed; what has no name or is of another kind is left out."""
    by_type: dict[object, dict[str, Record]] = {kind: {} for kind in (MASTER, ASSET, ALBUM, MEMBER)}
    gone: dict[str, None] = {}
    unread: set[str] = set()
    for record in records:
        if not isinstance(record, dict) or not (name := record_name(record)):
            continue
        if record.get("deleted") is True:
            gone[name] = None
        elif record.get("serverErrorCode") is not None:
            unread.add(name)
        elif (kind_of := by_type.get(record.get("recordType"))) is not None:
            kind_of[name] = record
    relations = [
        (name, record) for name, record in by_type[MEMBER].items() if not is_deleted(record)
    ]
    ended = [*gone, *sorted(by_type[MEMBER].keys() - {name for name, _ in relations})]
    return SortedPage(
        by_type[MASTER],
        by_type[ASSET],
        tuple(name for name in gone if _IN not in name),
        tuple(_album_seen(name, record) for name, record in by_type[ALBUM].items()),
        tuple(one for name, _ in relations if (one := _membership(name, zone))),
        tuple(one for name in ended if (one := _membership(name, zone))),
        frozenset(unread),
    )


def _album_seen(name: str, record: Record) -> AlbumSeen:
    return AlbumSeen(
        album=name,
        name=encoded_text(record, "albumNameEnc")[:500],
        parent=text(record, "parentId") or None,
        deleted=is_deleted(record),
    )


def _membership(relation: str, zone: str) -> Membership | None:
    """Read who is in which album from a relation's name, which its tombstone has, too."""
    asset, found, album = relation.partition(_IN)
    return Membership(album=album, asset=asset_id(zone, asset)) if found else None


def record_name(record: Record) -> str:
    """Return the record's name, '' when it has no usable one."""
    name = record.get("recordName")
    return name if isinstance(name, str) and clean(name) == name else ""


def master_name(asset: Record) -> str:
    """Return the name of the CPLMaster that an asset shows, '' when it names none."""
    reference = value(asset, "masterRef")
    return record_name(reference) if isinstance(reference, dict) else ""


def own_tag(record: Record) -> str:
    """Return the record's own change tag, '' when it has none."""
    return clean(record.get("recordChangeTag"))


def change_tag(asset: Record, master: Record | None) -> ChangeTag:
    """Return the version of the whole asset: a change of either record changes it."""
    return ChangeTag(f"{own_tag(asset)}/{own_tag(master or {})}")


def is_deleted(asset: Record) -> bool:
    """Say whether the asset is in Recently Deleted, or already forgotten there."""
    return flag(asset, "isDeleted") or flag(asset, "isExpunged")


def files(asset: Record, master: Record | None) -> tuple[tuple[FileOf, ...], tuple[str, ...]]:
    """Return the asset's files, and a sentence for each that cannot be fetched or is of an unknown kind."""
    found: list[FileOf] = []
    problems: list[str] = []
    for record_type, record in ((MASTER, master or {}), (ASSET, asset)):
        for field in _file_fields(record_type, record):
            file = _file(record_type, field, record)
            if isinstance(file, FileOf):
                found.append(file)
            else:
                problems.append(file)
    return tuple(found), tuple(problems)


def _file_fields(record_type: str, record: Record) -> Iterator[str]:
    fields = record.get("fields")
    for field in sorted(fields) if isinstance(fields, dict) else ():
        if (record_type, field) in ROLES or is_unknown(record_type, field):
            yield field


def _file(record_type: str, field: str, record: Record) -> FileOf | str:
    role = ROLES.get((record_type, field))
    if role is None:
        return f"it has a file of an unknown kind ({clean(field)[:60]})"
    raw = value(record, field)
    holder = raw if isinstance(raw, dict) else {}
    checksum, size = clean(holder.get("fileChecksum")), number(holder.get("size"))
    if not checksum or not size:
        return f"iCloud states no size or checksum for its {role}"
    file_type = text(record, field.removesuffix("Res") + "FileType")[:200]
    url = holder.get("downloadURL")
    return FileOf(role, checksum, size, file_type, url if isinstance(url, str) else "")


def asset_seen(asset: Record, master: Record | None, zone: str) -> AssetSeen:
    """Describe an asset from its two records; whatever is wrong with them becomes its `problem`."""
    parts, problems = files(asset, master)
    filename = encoded_text(master or {}, "filenameEnc")
    created, undated = _created(asset)
    return AssetSeen(
        asset=asset_id(zone, record_name(asset)),
        zone=zone,
        change_tag=change_tag(asset, master),
        filename=filename or "unnamed",
        created=created,
        favorite=flag(asset, "isFavorite"),
        hidden=flag(asset, "isHidden"),
        deleted=is_deleted(asset),
        problem="; ".join(
            (*_kept(asset, parts, zone), *_missing(parts, master), *problems, *undated)
        )[:500]
        or None,
        resources=(*_resources(parts, filename), _record_resource(asset, master)),
    )


def _created(asset: Record) -> tuple[datetime, tuple[str, ...]]:
    offset = utc_offset(asset, "timeZoneOffset")
    created = asset.get("created")
    stamp = created.get("timestamp") if isinstance(created, dict) else None
    for raw in (value(asset, "assetDate"), value(asset, "addedDate"), stamp):
        if (found := moment(raw, offset)) is not None:
            return found, ()
    return _EPOCH, ("iCloud states no date for it",)


def _kept(asset: Record, parts: tuple[FileOf, ...], zone: str) -> Iterator[str]:
    """Yield why an asset that has all its files stays in iCloud nevertheless."""
    if zone != OWN_ZONE:
        yield SHARED
    edit = text(asset, "adjustmentType")
    edited = any(part.resource is Resource.EDITED for part in parts)
    if edit and edit != _SLOW_MOTION and not edited:
        yield "iCloud shows an edit whose picture it does not have yet"


def _missing(parts: tuple[FileOf, ...], master: Record | None) -> Iterator[str]:
    if master is None:
        yield "iCloud did not show the record of its original"
    elif not any(part.resource is Resource.ORIGINAL for part in parts):
        yield "iCloud shows no original for it"


def _resources(parts: tuple[FileOf, ...], filename: str) -> Iterator[ResourceSeen]:
    for part in parts:
        suffix = extension(part.file_type, filename)
        yield ResourceSeen(
            resource=part.resource,
            checksum=part.checksum,
            size=part.size,
            file_type=part.file_type,
            extension=suffix,
            kind=kind(suffix),
        )


def _record_resource(asset: Record, master: Record | None) -> ResourceSeen:
    return ResourceSeen(
        resource=Resource.RECORD,
        checksum=change_tag(asset, master),
        size=0,
        file_type="application/json",
        extension=".json",
        kind=Kind.PHOTO,
    )


def record_checksum(tag: str, albums: Iterable[str]) -> str:
    """Return what names one version of an asset's archived record: its change tag, and its albums where it is in any."""
    names = sorted(albums)
    if not names:
        return tag
    return f"{tag}+{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:12]}"


def tag_of(checksum: str) -> ChangeTag:
    """Return the change tag in a record's checksum."""
    return ChangeTag(checksum.partition("+")[0])


def record_json(asset: Record, master: Record | None, albums: Iterable[str] = ()) -> bytes:
    """Return both records as canonical JSON (sorted, ASCII) without the addresses that change by the hour."""
    names = sorted(albums)
    kept: dict[str, object] = {"albums": names} if names else {}
    kept |= {
        "asset": {key: _lasting(asset[key]) for key in _KEPT if key in asset},
        "master": {key: _lasting(master[key]) for key in _KEPT if key in master}
        if master
        else None,
    }
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _lasting(part: object) -> object:
    if isinstance(part, dict):
        return {key: _lasting(inner) for key, inner in part.items() if key not in _VOLATILE}
    if isinstance(part, list):
        return [_lasting(inner) for inner in part]
    return part
