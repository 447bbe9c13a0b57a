"""The person with the phone: edits, vetoes, deletes by hand; acts only on what the library says."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from simulators.icloud.clock import Clock
from simulators.icloud.library import AssetSpec
from simulators.icloud.media_types import file_type
from simulators.icloud.modify import Outcome, apply_operations, parse_operation
from simulators.icloud.photo_records import decode_text, edit_fields, relation_name
from simulators.icloud.records import Fields, Json, Record, Resource, int64
from simulators.icloud.zone import Zone

PENDING_ALBUM = "DeletePending"
REACTION_SECONDS = 0.2


class NoSuchThing(KeyError):
    """The person has no such photo or album."""


class Persona:
    """Acts on the zone as the person's own devices would."""

    def __init__(self, zone: Zone, specs: Iterable[AssetSpec], clock: Clock) -> None:
        self._zone = zone
        self._specs = {spec.id: spec for spec in specs}
        self._clock = clock

    def notice(self, outcomes: Iterable[Outcome]) -> None:
        """See what was written, and react a moment later to what went into DeletePending."""
        for outcome in outcomes:
            if isinstance(outcome, Record) and self._is_pending(outcome):
                self._react(outcome)

    def _is_pending(self, record: Record) -> bool:
        if record.type != "CPLContainerRelation":
            return False
        album = self._zone.get(record.text("containerId"))
        return album is not None and decode_text(album.text("albumNameEnc")) == PENDING_ALBUM

    def _react(self, relation: Record) -> None:
        spec = self._specs.get(relation.text("itemId"))
        if spec is None or spec.when_pending is None:
            return
        later = asyncio.get_running_loop().call_later
        if spec.when_pending == "edit":
            later(REACTION_SECONDS, self._edit_late, spec)
        else:
            later(REACTION_SECONDS, self._zone.remove, relation.name)

    def _edit_late(self, spec: AssetSpec) -> None:
        # In the moment that passed, the asset may have gone for good.
        if self._zone.get(spec.id):
            self.edit(spec.id, spec.edit_file or spec.resources["original"])

    def album_ids(self, name: str) -> list[str]:
        """The record names of the live albums with a name."""
        return [
            album.name
            for album in self._zone.of_type("CPLAlbum")
            if not album.number("isDeleted") and decode_text(album.text("albumNameEnc")) == name
        ]

    def edit(self, asset_id: str, file: Path) -> Record:
        """Apply an edit; raises NoSuchThing."""
        return self._write(asset_id, edit_fields(Resource(file, file_type(file))))

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
        names = [relation_name(asset_id, found) for found in self.album_ids(album)]
        present = [name for name in names if self._zone.get(name)]
        if not present:
            raise NoSuchThing(f"{asset_id} is not in {album}")
        for name in present:
            self._zone.remove(name)

    def _force(self, asset_id: str, fields: dict[str, Json]) -> None:
        self._asset(asset_id)
        record: Json = {"recordName": asset_id, "recordType": "CPLAsset", "fields": fields}
        operation = parse_operation({"operationType": "forceUpdate", "record": record})
        apply_operations(self._zone, [operation], atomic=True, now=self._clock())

    def _write(self, asset_id: str, fields: Fields) -> Record:
        old = self._asset(asset_id)
        return self._zone.write(old.name, old.type, {**old.fields, **fields}, self._clock())

    def _asset(self, asset_id: str) -> Record:
        record = self._zone.get(asset_id)
        if record is None or record.type != "CPLAsset":
            raise NoSuchThing(f"there is no asset {asset_id}")
        return record
