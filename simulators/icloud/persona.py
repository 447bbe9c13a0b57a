"""The person with the phone: edits, vetoes, deletes by hand; acts only on what the library says."""

import asyncio
from collections.abc import Iterable
from zlib import crc32

from simulators.icloud.clock import Clock
from simulators.icloud.contents import Content, Synthetic
from simulators.icloud.library import AssetSpec
from simulators.icloud.media_types import MOVIE_TYPES, file_type
from simulators.icloud.modify import Outcome, apply_operations, parse_operation
from simulators.icloud.photo_records import decode_text, edit_fields, relation_fields, relation_name
from simulators.icloud.records import Fields, Json, Record, Resource, int64
from simulators.icloud.synthetic import Block
from simulators.icloud.world import World
from simulators.icloud.zone import Zone

PENDING_ALBUM = "DeletePending"
REACTION_SECONDS = 0.2


class NoSuchThing(KeyError):
    """The person has no such photo or album."""


class Persona:
    """Acts on the zone as the person's own devices would."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        listed = (held.specs for held in world.holdings if not isinstance(held.specs, Block))
        self._specs = {spec.id: spec for specs in listed for spec in specs if spec.when_pending}
        self._clock = clock

    def notice(self, zone: Zone, outcomes: Iterable[Outcome]) -> None:
        """See what was written, and react a moment later to what went into DeletePending."""
        for outcome in outcomes:
            if isinstance(outcome, Record) and self._is_pending(zone, outcome):
                self._react(zone, outcome)

    def _is_pending(self, zone: Zone, record: Record) -> bool:
        if record.type != "CPLContainerRelation":
            return False
        album = zone.get(record.text("containerId"))
        return album is not None and decode_text(album.text("albumNameEnc")) == PENDING_ALBUM

    def _react(self, zone: Zone, relation: Record) -> None:
        spec = self._specs.get(relation.text("itemId"))
        if spec is None or spec.when_pending is None:
            return
        later = asyncio.get_running_loop().call_later
        if spec.when_pending == "edit":
            later(REACTION_SECONDS, self._edit_late, spec)
        else:
            later(REACTION_SECONDS, zone.remove, relation.name)

    def _edit_late(self, spec: AssetSpec) -> None:
        # In the moment that passed, the asset may have gone for good.
        if self._world.zone_of(spec.id):
            self.edit(spec.id, spec.edit_file or spec.resources["original"])

    def album_ids(self, zone: Zone, name: str) -> list[str]:
        """The record names of a zone's live albums with a name."""
        return [
            album.name
            for album in zone.of_type("CPLAlbum")
            if not album.number("isDeleted") and decode_text(album.text("albumNameEnc")) == name
        ]

    def edit(self, asset_id: str, content: Content) -> Record:
        """Apply an edit; raises NoSuchThing."""
        return self._write(asset_id, edit_fields(Resource(content, file_type(content))))

    def edit_anew(self, asset_id: str, size: int) -> Record:
        """Apply an edit whose bytes nobody has seen yet; raises NoSuchThing."""
        zone, record = self._asset(asset_id)
        master = zone.get(record.master_name)
        movie = master is not None and master.text("itemType") in MOVIE_TYPES
        number, version = crc32(asset_id.encode()), zone.versions(asset_id)
        suffix = ".mov" if movie else ".jpg"
        return self.edit(asset_id, Synthetic(0, number, "edited", size, suffix, version))

    def revert(self, asset_id: str) -> Record:
        """Take an edit back; raises NoSuchThing."""
        zone, old = self._asset(asset_id)
        edits = ("adjustment", "resJPEGFull", "resVidFull")
        kept = {name: f for name, f in old.fields.items() if not name.startswith(edits)}
        return zone.write(old.name, old.type, kept, self._clock())

    def hide(self, asset_id: str, *, on: bool) -> Record:
        """Hide or show a photo; raises NoSuchThing."""
        return self._write(asset_id, {"isHidden": int64(int(on))})

    def add_to_album(self, asset_id: str, album: str) -> None:
        """Put a photo into an album, given by name; raises NoSuchThing."""
        zone, _ = self._asset(asset_id)
        albums = self.album_ids(zone, album)
        if not albums:
            raise NoSuchThing(f"there is no album {album}")
        relation, fields = relation_name(asset_id, albums[0]), relation_fields(asset_id, albums[0])
        zone.write(relation, "CPLContainerRelation", fields, self._clock())

    def favorite(self, asset_id: str, *, on: bool) -> Record:
        """Mark or unmark a favourite; raises NoSuchThing."""
        return self._write(asset_id, {"isFavorite": int64(int(on))})

    def delete(self, asset_id: str) -> None:
        """Move a photo into Recently Deleted; raises NoSuchThing."""
        self._force(asset_id, {"isDeleted": {"value": 1}})

    def recover(self, asset_id: str) -> None:
        """Take a photo out of Recently Deleted; raises NoSuchThing."""
        self._force(asset_id, {"isDeleted": {"value": 0}})

    def remove_from_album(self, asset_id: str, album: str) -> None:
        """Take a photo out of an album, given by name; raises NoSuchThing."""
        zone, _ = self._asset(asset_id)
        names = [relation_name(asset_id, found) for found in self.album_ids(zone, album)]
        present = [name for name in names if zone.get(name)]
        if not present:
            raise NoSuchThing(f"{asset_id} is not in {album}")
        for name in present:
            zone.remove(name)

    def _force(self, asset_id: str, fields: dict[str, Json]) -> None:
        zone, _ = self._asset(asset_id)
        record: Json = {"recordName": asset_id, "recordType": "CPLAsset", "fields": fields}
        operation = parse_operation({"operationType": "forceUpdate", "record": record})
        apply_operations(zone, [operation], atomic=True, now=self._clock())

    def _write(self, asset_id: str, fields: Fields) -> Record:
        zone, old = self._asset(asset_id)
        return zone.write(old.name, old.type, {**old.fields, **fields}, self._clock())

    def _asset(self, asset_id: str) -> tuple[Zone, Record]:
        zone = self._world.zone_of(asset_id)
        record = zone.get(asset_id) if zone else None
        if zone is None or record is None or record.type != "CPLAsset":
            raise NoSuchThing(f"there is no asset {asset_id}")
        return zone, record
