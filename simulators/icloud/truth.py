"""Says what iCloud really holds, for tests and demos to compare with; it only reads."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.icloud.digests import Digests
from simulators.icloud.library import AssetSpec
from simulators.icloud.photo_records import ROLE_OF_FIELD, decode_text
from simulators.icloud.records import Json, Record, Resource
from simulators.icloud.zone import Zone


@dataclass(frozen=True)
class Truth:
    """The library's assets in order; an asset that is gone for good is still listed."""

    zone: Zone
    specs: tuple[AssetSpec, ...]
    digests: Digests
    requests: Counter[str]

    async def page(self, offset: int, limit: int | None) -> dict[str, Json]:
        """Give assets from `offset` on, all of them without a limit, and the counts."""
        end = len(self.specs) if limit is None else min(offset + limit, len(self.specs))
        albums = self._albums_by_asset()
        chosen = self.specs[offset:end]
        await self.digests.ensure(r.path for spec in chosen for r in self._resources(spec).values())
        return {
            "assets": {spec.id: self._asset(spec, albums.get(spec.id, [])) for spec in chosen},
            "total": len(self.specs),
            "next_offset": end if end < len(self.specs) else None,
            "counts": self._counts(),
            "requests": dict(self.requests),
        }

    def _asset(self, spec: AssetSpec, albums: list[str]) -> Json:
        asset = self.zone.get(spec.id)
        record = asset or Record(spec.id, "CPLAsset")
        expunged = record.number("dateExpunged")
        deleted_at = expunged - 30 * 86_400_000 if expunged else None
        return {
            "filename": spec.filename,
            "created": spec.created.isoformat(),
            "albums": list(albums),
            "deleted": bool(record.number("isDeleted")),
            "deleted_at": _iso(deleted_at) if deleted_at else None,
            "expunged": asset is None,
            "favorite": bool(record.number("isFavorite")),
            "hidden": bool(record.number("isHidden")),
            "change_tag": record.change_tag if asset else None,
            "versions": self.zone.versions(spec.id),
            "master": spec.master_id,
            "fault": spec.fault,
            "resources": {
                ROLE_OF_FIELD.get(field, field): self._resource(resource, field)
                for field, resource in self._resources(spec).items()
            },
        }

    def _resource(self, resource: Resource, field: str) -> Json:
        digest = self.digests.of(resource.path)
        return {
            "sha256": digest.sha256,
            "size": digest.size,
            "checksum": digest.checksum,
            "field": field,
            "file_type": resource.file_type,
            "path": str(resource.path),
        }

    def _resources(self, spec: AssetSpec) -> dict[str, Resource]:
        records = (self.zone.get(spec.master_id), self.zone.get(spec.id))
        return {k: r for record in records if record for k, r in record.resources().items()}

    def _albums_by_asset(self) -> dict[str, list[str]]:
        names = {
            album.name: decode_text(album.text("albumNameEnc"))
            for album in self.zone.of_type("CPLAlbum")
            if not album.number("isDeleted")
        }
        found: dict[str, list[str]] = {}
        for relation in self.zone.of_type("CPLContainerRelation"):
            if name := names.get(relation.text("containerId")):
                found.setdefault(relation.text("itemId"), []).append(name)
        return found

    def _counts(self) -> dict[str, Json]:
        assets = list(self.zone.of_type("CPLAsset"))
        deleted = sum(1 for asset in assets if asset.number("isDeleted"))
        return {
            "assets": len(self.specs),
            "live": len(assets) - deleted,
            "deleted": deleted,
            "expunged": len(self.specs) - len(assets),
            "albums": sum(1 for a in self.zone.of_type("CPLAlbum") if a.text("albumNameEnc")),
            "resources": sum(len(self._resources(spec)) for spec in self.specs),
        }


def _iso(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()
