"""Fills a zone with a library, as years of use would have left it; the same folder, the same zone."""

from simulators.icloud.library import AssetSpec, stable_id
from simulators.icloud.photo_records import (
    FOLDER,
    ROOT_FOLDERS,
    album_fields,
    asset_fields,
    master_fields,
    millis,
    relation_fields,
    relation_name,
)
from simulators.icloud.records import int64
from simulators.icloud.zone import Zone


def fill_zone(zone: Zone, specs: list[AssetSpec]) -> None:
    """Write every asset, album and membership, with old deletions between them."""
    oldest = min((millis(spec.added) for spec in specs), default=0)
    for place, folder in enumerate(ROOT_FOLDERS):
        zone.write(
            folder, "CPLAlbum", {"albumType": int64(FOLDER), "position": int64(place)}, oldest
        )
    albums = list(dict.fromkeys(name for spec in specs for name in spec.albums))
    for place, name in enumerate(albums):
        zone.write(album_id(name), "CPLAlbum", album_fields(name, 1024 * (place + 1)), oldest)
    for number, spec in enumerate(specs):
        _write_asset(zone, spec, number)


def album_id(name: str) -> str:
    """The record name of an album that the library came with."""
    return stable_id("album", name)


def _write_asset(zone: Zone, spec: AssetSpec, number: int) -> None:
    # A third of a real history is tombstones, and an asset may come before its master.
    zone.remove(stable_id("long gone", spec.id))
    writes = [_write_master, _write_cpl_asset]
    for write in reversed(writes) if number % 3 == 2 else writes:
        write(zone, spec)
    for name in spec.albums:
        relation = relation_name(spec.id, album_id(name))
        fields = relation_fields(spec.id, album_id(name))
        zone.write(relation, "CPLContainerRelation", fields, millis(spec.added))


def _write_master(zone: Zone, spec: AssetSpec) -> None:
    if zone.get(spec.master_id) is None:
        zone.write(spec.master_id, "CPLMaster", master_fields(spec), millis(spec.added))


def _write_cpl_asset(zone: Zone, spec: AssetSpec) -> None:
    zone.write(spec.id, "CPLAsset", asset_fields(spec, zone.zone_id), millis(spec.added))
