"""Fills a zone with a library, as years of use would have left it; the same folder, the same zone."""

from collections.abc import Sequence
from itertools import pairwise

from simulators.icloud.library import AssetSpec, stable_id
from simulators.icloud.photo_records import (
    FOLDER,
    ROOT_FOLDERS,
    album_fields,
    asset_fields,
    folder_fields,
    master_fields,
    millis,
    relation_fields,
    relation_name,
)
from simulators.icloud.records import int64
from simulators.icloud.synthetic import Block
from simulators.icloud.zone import Zone


def fill_zone(zone: Zone, specs: Sequence[AssetSpec], parents: dict[str, str]) -> None:
    """Write every asset, album and membership, with old deletions between them.

    `parents` names the folder that an album or another folder lies in.
    """
    oldest = min((millis(spec.added) for spec in specs), default=0)
    _write_root(zone, oldest)
    _write_albums(zone, [name for spec in specs for name in spec.albums], parents, oldest)
    for number, spec in enumerate(specs):
        _write_asset(zone, spec, number)


def plant_block(zone: Zone, block: Block) -> None:
    """Plant a synthetic block with its folders and albums."""
    recipe = block.recipe
    moment = millis(block[0].added) if len(block) else 0
    _write_root(zone, moment)
    zone.plant(block)
    chosen = block[: min(recipe.albums * recipe.per_album, len(block))]
    names = [name for spec in chosen for name in spec.albums]
    folders = [f"Folder {n}" for n in range(recipe.folders)]
    parents = {folder: outer for outer, folder in pairwise(folders)}
    parents |= {name: folders[n % len(folders)] for n, name in enumerate(names) if folders}
    _write_albums(zone, names, parents, moment)
    for spec in chosen:
        _write_relations(zone, spec)


def album_id(name: str) -> str:
    """The record name of an album that the library came with."""
    return stable_id("album", name)


def folder_id(name: str) -> str:
    """The record name of a folder that the library came with."""
    return stable_id("folder", name)


def _write_root(zone: Zone, moment: int) -> None:
    for place, folder in enumerate(ROOT_FOLDERS):
        if zone.get(folder) is None:
            fields = {"albumType": int64(FOLDER), "position": int64(place)}
            zone.write(folder, "CPLAlbum", fields, moment)


def _write_albums(zone: Zone, names: list[str], parents: dict[str, str], moment: int) -> None:
    for place, name in enumerate(dict.fromkeys(parents.values())):
        parent = folder_id(parents[name]) if name in parents else None
        zone.write(folder_id(name), "CPLAlbum", folder_fields(name, 512 + place, parent), moment)
    for place, name in enumerate(dict.fromkeys(names)):
        if zone.get(album_id(name)) is None:
            parent = folder_id(parents[name]) if name in parents else None
            fields = album_fields(name, 1024 * (place + 1), parent)
            zone.write(album_id(name), "CPLAlbum", fields, moment)


def _write_asset(zone: Zone, spec: AssetSpec, number: int) -> None:
    # A third of a real history is tombstones, and an asset may come before its master.
    zone.remove(stable_id("long gone", spec.id))
    writes = [_write_master, _write_cpl_asset]
    for write in reversed(writes) if number % 3 == 2 else writes:
        write(zone, spec)
    _write_relations(zone, spec)


def _write_relations(zone: Zone, spec: AssetSpec) -> None:
    for name in spec.albums:
        relation = relation_name(spec.id, album_id(name))
        fields = relation_fields(spec.id, album_id(name))
        zone.write(relation, "CPLContainerRelation", fields, millis(spec.added))


def _write_master(zone: Zone, spec: AssetSpec) -> None:
    if zone.get(spec.master_id) is None:
        zone.write(spec.master_id, "CPLMaster", master_fields(spec), millis(spec.added))


def _write_cpl_asset(zone: Zone, spec: AssetSpec) -> None:
    zone.write(spec.id, "CPLAsset", asset_fields(spec, zone.zone_id), millis(spec.added))
