"""Says what iCloud really holds, for tests and demos to compare with; it only reads."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from simulators.icloud.contents import Synthetic
from simulators.icloud.digests import Digests, sha256_of
from simulators.icloud.library import AssetSpec
from simulators.icloud.photo_records import ROLE_OF_FIELD, decode_text
from simulators.icloud.records import Json, Record, Resource
from simulators.icloud.world import World
from simulators.icloud.zone import Zone


@dataclass(frozen=True)
class Truth:
    """The assets in the order they came; an asset that is gone for good is still listed."""

    world: World
    digests: Digests
    requests: Counter[str]
    _counted: dict[int, dict[str, Json]] = field(default_factory=dict)

    async def page(
        self, offset: int, limit: int | None, *, sha256: bool = False
    ) -> dict[str, Json]:
        """Give assets from `offset` on, all of them without a limit, and the counts.

        A synthetic resource's SHA-256 is null unless asked for: it costs a pass over the bytes.
        """
        total = len(self.world)
        end = total if limit is None else min(offset + limit, total)
        albums = self._albums_by_asset()
        assets: dict[str, Json] = {}
        for number, (zone, spec) in enumerate(self.world.held(offset, end)):
            if number % 100 == 0:
                await asyncio.sleep(0)  # others are served in between
            await self.digests.ensure(r.content for _, r in _resources(zone, spec))
            assets[spec.id] = await self._asset(zone, spec, albums.get(spec.id, []), sha256=sha256)
        return {
            "assets": assets,
            "total": total,
            "next_offset": end if end < total else None,
            "counts": self._counts(),
            "requests": dict(self.requests),
        }

    async def _asset(
        self, zone: Zone, spec: AssetSpec, albums: list[str], *, sha256: bool
    ) -> dict[str, Json]:
        asset = zone.get(spec.id)
        record = asset or Record(spec.id, "CPLAsset")
        expunged = record.number("dateExpunged")
        deleted_at = expunged - 30 * 86_400_000 if expunged else None
        return {
            "filename": spec.filename,
            "created": spec.created.isoformat(),
            "zone": zone.name,
            "albums": list(albums),
            "deleted": bool(record.number("isDeleted")),
            "deleted_at": _iso(deleted_at) if deleted_at else None,
            "expunged": asset is None,
            "favorite": bool(record.number("isFavorite")),
            "hidden": bool(record.number("isHidden")),
            "change_tag": record.change_tag if asset else None,
            "versions": zone.versions(spec.id),
            "master": spec.master_id,
            "fault": spec.fault,
            "resources": await self._files(zone, spec, sha256=sha256),
        }

    async def _files(self, zone: Zone, spec: AssetSpec, *, sha256: bool) -> dict[str, Json]:
        found = dict(_resources(zone, spec))
        both = {"resJPEGFullRes", "resVidFullRes"} <= found.keys()
        files: dict[str, Json] = {}
        for name, resource in found.items():
            role: str = ROLE_OF_FIELD.get(name, name)
            role = "edited_live" if both and name == "resVidFullRes" else role
            files[role] = await self._file(resource, name, sha256=sha256)
        return files

    async def _file(self, resource: Resource, name: str, *, sha256: bool) -> Json:
        content = resource.content
        digest = self.digests.of(content)
        plain = digest.sha256
        if sha256 and isinstance(content, Synthetic):
            plain = await asyncio.to_thread(sha256_of, content)
        return {
            "sha256": plain,
            "size": digest.size,
            "checksum": digest.checksum,
            "field": name,
            "file_type": resource.file_type,
            "path": content.name if isinstance(content, Synthetic) else str(content),
        }

    def _albums_by_asset(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for zone in self.world.zones():
            names = {
                album.name: decode_text(album.text("albumNameEnc"))
                for album in zone.of_type("CPLAlbum")
                if not album.number("isDeleted")
            }
            for relation in zone.of_type("CPLContainerRelation"):
                if name := names.get(relation.text("containerId")):
                    found.setdefault(relation.text("itemId"), []).append(name)
        return found

    def _counts(self) -> dict[str, Json]:
        """Count anew only after a change: it takes a pass over everything."""
        moment = sum(database.seq for database in self.world.databases)
        if moment not in self._counted:
            self._counted.clear()
            self._counted[moment] = self._count()
        return self._counted[moment]

    def _count(self) -> dict[str, Json]:
        zones = list(self.world.zones())
        facts = [f for database in self.world.databases for f in database.facts()]
        deleted = sum(1 for one in facts if one.deleted)
        albums = (album for zone in zones for album in zone.of_type("CPLAlbum"))
        return {
            "assets": len(self.world),
            "live": len(facts) - deleted,
            "deleted": deleted,
            "expunged": len(self.world) - len(facts),
            "albums": sum(1 for album in albums if album.text("albumNameEnc")),
        }


def _resources(zone: Zone, spec: AssetSpec) -> Iterator[tuple[str, Resource]]:
    for record in (zone.get(spec.master_id), zone.get(spec.id)):
        yield from record.resources().items() if record else ()


def _iso(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()
