"""The person with the phone: edits, vetoes, deletes by hand; acts only on what the library says."""

import asyncio
from collections.abc import Iterable

from simulators.icloud.clock import Clock
from simulators.icloud.contents import Content
from simulators.icloud.library import AssetSpec
from simulators.icloud.media_types import file_type
from simulators.icloud.modify import Outcome, apply_operations, parse_operation
from simulators.icloud.photo_records import decode_text, edit_fields, relation_name
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
