"""Finds albums by name in the person's tree of folders; it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.albums import album_key
from shared.domain.icloud_fields import encoded_text, flag, value
from shared.domain.icloud_records import record_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from shared.adapters.icloud_transport import CloudKit
    from shared.ports.icloud import Json

_FOLDER, _ALBUM = 3, 0
_PAGES = 1000
"""More pages of albums than anybody has: a marker that never ends is an error, not a list."""


async def albums_like(cloud: CloudKit, names: Iterable[str]) -> dict[str, str]:
    """Return the record names of all live albums that a person would call by one of these names, and which name that is.

    Raises Waiting, Unanswered, Declined: an error is never an empty answer.
    """
    wanted = {album_key(name): name for name in names}
    found: dict[str, str] = {}
    async for album in _tree(cloud):
        name = wanted.get(album_key(encoded_text(album, "albumNameEnc")))
        if name is not None:
            found[record_name(album)] = name
    return found


async def albums_named(cloud: CloudKit, name: str) -> tuple[str, ...]:
    """Return the record names of all live albums of this name, in a stable order.

    Raises Waiting, Unanswered, Declined: an error is never an empty list.
    """
    found = {
        record_name(album)
        async for album in _tree(cloud)
        if _kind(album) == _ALBUM and encoded_text(album, "albumNameEnc") == name
    }
    return tuple(sorted(found))


def is_live(album: Json) -> bool:
    """Say whether an album is not deleted."""
    return not flag(album, "isDeleted") and not flag(album, "isExpunged")


def _kind(album: Json) -> object:
    return value(album, "albumType") or _ALBUM


async def _tree(cloud: CloudKit) -> AsyncIterator[Json]:
    """Yield every live album, some twice: the top level is also listed as the root folder's content."""
    folders: list[str | None] = [None]
    entered: set[str | None] = {None}
    while folders:
        async for album in _children(cloud, folders.pop()):
            yield album
            name = record_name(album)
            if _kind(album) == _FOLDER and name not in entered:
                entered.add(name)
                folders.append(name)


async def _children(cloud: CloudKit, folder: str | None) -> AsyncIterator[Json]:
    body: Json = {"query": _query(folder), "zoneID": cloud.zone_id, "resultsLimit": 200}
    for _ in range(_PAGES):
        answer = await cloud.post("records/query", body)
        records = answer.get("records")
        for record in records if isinstance(records, list) else []:
            if isinstance(record, dict) and record_name(record) and is_live(record):
                yield record
        marker = answer.get("continuationMarker")
        if not marker:
            return
        body["continuationMarker"] = marker


def _query(folder: str | None) -> Json:
    query: Json = {"recordType": "CPLAlbumByPositionLive"}
    if folder is not None:
        wanted = {"value": folder, "type": "STRING"}
        query["filterBy"] = [
            {"fieldName": "parentId", "comparator": "EQUALS", "fieldValue": wanted}
        ]
    return query
