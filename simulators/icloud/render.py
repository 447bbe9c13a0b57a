"""Writes records as CloudKit's JSON, with fresh download addresses; it changes nothing."""

import base64
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from simulators.icloud.digests import Digests
from simulators.icloud.download_urls import Target, UrlSigner
from simulators.icloud.records import Field, FingerprintOf, Json, Record, Resource
from simulators.icloud.zone import Change

# Apple drops a record ten days after its dateExpunged [m, from recorded answers].
_EXPIRY_GRACE_SECONDS = 10 * 86400


@dataclass(frozen=True)
class Place:
    """Where and when an answer is given; without a zone_id the records carry none."""

    base_url: str
    now_seconds: int
    zone_id: dict[str, Json] | None = None


@dataclass(frozen=True)
class Renderer:
    """Everything a rendering needs that is not in the record."""

    digests: Digests
    signer: UrlSigner
    owner: str

    async def records(
        self, records: Iterable[Record], place: Place, keys: Collection[str] | None = None
    ) -> list[Json]:
        """Render records in full, or with the fields named by `keys` only."""
        chosen = list(records)
        await self.digests.ensure(
            resource.content for record in chosen for resource in record.resources().values()
        )
        return [self._record(record, place, keys) for record in chosen]

    async def changes(
        self, changes: list[Change], place: Place, keys: Collection[str] | None
    ) -> list[Json]:
        """Render a stretch of the feed; what is gone appears as a tombstone."""
        live = [change.record for change in changes if change.record]
        rendered = iter(await self.records(live, place, keys))
        return [next(rendered) if c.record else tombstone(c.name, place.zone_id) for c in changes]

    def _record(self, record: Record, place: Place, keys: Collection[str] | None) -> Json:
        fields: dict[str, Json] = {
            name: {"value": self._value(record.name, name, field, place), "type": field.type}
            for name, field in record.fields.items()
            if keys is None or name in keys
        }
        whole: dict[str, Json] = {
            "recordName": record.name,
            "recordType": record.type,
            "fields": fields,
            "pluginFields": {},
            "recordChangeTag": record.change_tag,
            "created": self._audit(record.created),
            "modified": self._audit(record.modified),
            "deleted": False,
        }
        if expunged := record.number("dateExpunged"):
            whole["expirationTime"] = expunged // 1000 + _EXPIRY_GRACE_SECONDS
        return {**whole, "zoneID": place.zone_id} if place.zone_id else whole

    def _audit(self, moment: int) -> Json:
        return {"timestamp": moment, "userRecordName": self.owner, "deviceID": "2"}

    def _value(self, record: str, name: str, field: Field, place: Place) -> Json:
        match field.value:
            case Resource() as resource:
                return self._asset_token(Target(record, name, ""), resource, place)
            case FingerprintOf(resource=resource):
                return self.digests.of(resource.content).checksum
            case plain:
                return plain

    def _asset_token(self, target: Target, resource: Resource, place: Place) -> Json:
        digest = self.digests.of(resource.content)
        full = Target(target.record, target.field, digest.checksum)
        key = hashlib.sha256(f"wrapping key {digest.checksum}".encode()).digest()[:16]
        return {
            "fileChecksum": digest.checksum,
            "size": digest.size,
            "wrappingKey": _base64(key),
            "referenceChecksum": _base64(b"\x01" + hashlib.sha256(key).digest()[:20]),
            "downloadURL": self.signer.address(place.base_url, full, place.now_seconds),
        }


def tombstone(name: str, zone_id: dict[str, Json] | None = None) -> Json:
    """What is left of a deleted record."""
    gone: dict[str, Json] = {"recordName": name, "deleted": True}
    return {**gone, "zoneID": zone_id} if zone_id else gone


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
