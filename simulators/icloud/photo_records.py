"""Builds the records of an asset or album as Apple lays them out; it decides no policy."""

import base64
from datetime import datetime

from simulators.icloud.contents import Role
from simulators.icloud.details import detail_fields, encode_text
from simulators.icloud.library import AssetSpec
from simulators.icloud.media_types import MOVIE_TYPES, file_type
from simulators.icloud.records import (
    Field,
    FingerprintOf,
    Json,
    Resource,
    encrypted,
    int64,
    string,
    timestamp,
)

ROOT_FOLDERS = ("----Root-Folder----", "----Project-Root-Folder----")
FOLDER, ALBUM = 3, 0
ROLE_OF_FIELD: dict[str, Role] = {
    "resOriginalRes": "original",
    "resOriginalVidComplRes": "live",
    "resOriginalAltRes": "alternate",
    "resJPEGFullRes": "edited",
    "resVidFullRes": "edited",
}
_PREFIX: dict[Role, str] = {
    "original": "resOriginal",
    "live": "resOriginalVidCompl",
    "alternate": "resOriginalAlt",
}


def decode_text(value: str) -> str:
    """Read an ...Enc field back; what is no base64 of UTF-8 is shown with replacements."""
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "surrogatepass")
    except ValueError:
        return value


def millis(moment: datetime) -> int:
    """Epoch milliseconds of a moment."""
    return round(moment.timestamp() * 1000)


def resource_fields(prefix: str, resource: Resource, sides: tuple[int, int]) -> dict[str, Field]:
    """The five fields by which a record carries one file; unknown sides are 0."""
    return {
        f"{prefix}Res": Field("ASSETID", resource),
        f"{prefix}FileType": string(resource.file_type),
        f"{prefix}Width": int64(sides[0]),
        f"{prefix}Height": int64(sides[1]),
        f"{prefix}Fingerprint": Field("STRING", FingerprintOf(resource)),
    }


def edit_fields(resource: Resource) -> dict[str, Field]:
    """The fields that a person's edit adds to the CPLAsset."""
    prefix = "resVidFull" if resource.file_type in MOVIE_TYPES else "resJPEGFull"
    return {
        "adjustmentType": string("com.apple.photo"),
        "adjustmentRenderType": int64(0),
        **resource_fields(prefix, resource, (0, 0)),
    }


def master_fields(spec: AssetSpec) -> dict[str, Field]:
    """The CPLMaster: file name, type and the originals."""
    fields = {
        **_filename(spec),
        "originalOrientation": int64(1),
        "dataClassType": int64(1),
    }
    for role, prefix in _PREFIX.items():
        if content := spec.resources.get(role):
            resource = Resource(content, file_type(content), spec.fault)
            sides = spec.sides if role == "original" else (0, 0)
            fields |= resource_fields(prefix, resource, sides)
    kind = fields.get("resOriginalFileType")
    return {**fields, "itemType": kind} if kind and not spec.details.no_item_type else fields


def _filename(spec: AssetSpec) -> dict[str, Field]:
    match spec.details.filename_form:
        case "usual":
            return {"filenameEnc": encrypted(encode_text(spec.filename))}
        case "plain":
            return {"filenameEnc": string(spec.filename)}
        case "invalid":
            return {"filenameEnc": encrypted("%%% no base64 %%%")}
        case "missing":
            return {}


def asset_fields(spec: AssetSpec, zone_id: dict[str, Json]) -> dict[str, Field]:
    """The CPLAsset: dates, flags, the reference to its master, and the edit if there is one."""
    offset = spec.created.utcoffset()
    fields = {
        "assetDate": timestamp(millis(spec.created)),
        "addedDate": timestamp(millis(spec.added)),
        "assetSubtype": int64(0),
        "timeZoneOffset": int64(int(offset.total_seconds()) if offset else 0),
        "masterRef": _reference(spec.master_id, zone_id),
        "timeZoneNameEnc": encrypted(encode_text(spec.created.strftime("GMT%z"))),
        "customRenderedValue": int64(0),
    }
    if "live" in spec.resources:
        fields["assetSubtypeV2"] = int64(2)
    return {**fields, **_flags(spec), **_edit(spec), **detail_fields(spec.details)}


def _flags(spec: AssetSpec) -> dict[str, Field]:
    flags = {"isFavorite": spec.favorite, "isHidden": spec.hidden}
    return {name: int64(1) for name, on in flags.items() if on}


def _edit(spec: AssetSpec) -> dict[str, Field]:
    content, movie = (spec.resources.get(role) for role in ("edited", "edited_live"))
    fields = edit_fields(Resource(content, file_type(content), spec.fault)) if content else {}
    if movie:
        resource = Resource(movie, file_type(movie), spec.fault)
        fields |= resource_fields("resVidFull", resource, (0, 0))
    return fields


def _reference(name: str, zone_id: dict[str, Json]) -> Field:
    return Field(
        "REFERENCE", {"recordName": name, "action": "DELETE_SELF", "zoneID": dict(zone_id)}
    )


def folder_fields(name: str, position: int, parent: str | None = None) -> dict[str, Field]:
    """The CPLAlbum of a folder, which holds albums and other folders."""
    return {**album_fields(name, position, parent), "albumType": int64(FOLDER)}


def album_fields(name: str, position: int, parent: str | None = None) -> dict[str, Field]:
    """The CPLAlbum of an ordinary album, at the top level when it has no parent."""
    inside = {"parentId": string(parent)} if parent else {}
    return {
        **inside,
        "sortAscending": int64(1),
        "sortType": int64(1),
        "albumType": int64(ALBUM),
        "albumNameEnc": encrypted(encode_text(name)),
        "position": int64(position),
    }


def relation_name(asset_id: str, album_id: str) -> str:
    """The record name of an asset's membership in an album."""
    return f"{asset_id}-IN-{album_id}"


def relation_fields(asset_id: str, album_id: str, position: int = 1024) -> dict[str, Field]:
    """The CPLContainerRelation of an asset in an album."""
    return {
        "itemId": string(asset_id),
        "position": int64(position),
        "containerId": string(album_id),
    }
