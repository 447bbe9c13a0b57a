"""The album of assets to be deleted: makes it, adds to it, asks what is in it; it deletes nothing, not even from the album."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from shared.adapters.icloud_albums import albums_named, is_live
from shared.adapters.icloud_transport import CloudKit, only_record
from shared.domain.icloud_records import record_name
from shared.ports.icloud import Declined, Json, LookedUp

if TYPE_CHECKING:
    from shared.adapters.icloud_reading import ICloudRecords


class ICloudAlbum:
    """One album by its name. Should there be several of that name, being in any of them counts."""

    def __init__(self, cloud: CloudKit, records: ICloudRecords, name: str) -> None:
        self._cloud = cloud
        self._records = records
        self._name = name
        self._ids: tuple[str, ...] = ()
        self._making = asyncio.Lock()

    async def holds(self, asset: str) -> bool:
        """Say whether the asset is in the album now. Raises Waiting, Unanswered, Declined: an error is never a no."""
        if self._ids and await self._in_any(asset):
            return True
        self._ids = await albums_named(self._cloud, self._name)
        return await self._in_any(asset)

    async def add(self, asset: str) -> None:
        """Put an asset into the album, which is made when missing; done already when it is in it.

        Raises Waiting, Unanswered, Declined with the record's own error.
        """
        if await self.holds(asset):
            return
        try:
            await self._create(_membership(asset, await self._album()))
        except Declined:
            if not await self.holds(asset):  # else another worker was faster
                raise

    async def _in_any(self, asset: str) -> bool:
        answer = await self._records.lookup([*self._ids, *(f"{asset}-IN-{i}" for i in self._ids)])
        _raise_failed(answer)
        return any(
            is_live(answer.found[album]) and f"{asset}-IN-{album}" in answer.found
            for album in self._ids
            if album in answer.found
        )

    async def _album(self) -> str:
        """Return the album's record name, making the album when there is none."""
        async with self._making:
            if not self._ids:
                self._ids = await albums_named(self._cloud, self._name)
            if not self._ids:
                self._ids = (record_name(await self._create(_album(self._name))),)
            return self._ids[0]

    async def _create(self, record: Json) -> Json:
        body = {
            "atomic": True,
            "zoneID": self._cloud.zone_id,
            "operations": [{"operationType": "create", "record": record}],
        }
        answer = await self._cloud.post("records/modify", body)
        return only_record(answer, record.get("recordName"))


def _raise_failed(answer: LookedUp) -> None:
    for reason in answer.failed.values():
        raise Declined(reason, code="LOOKUP")


def _membership(asset: str, album: str) -> Json:
    return {
        "recordType": "CPLContainerRelation",
        "recordName": f"{asset}-IN-{album}",
        "fields": _fields(itemId=asset, position=1024, containerId=album),
    }


def _album(name: str) -> Json:
    encoded = base64.b64encode(name.encode()).decode()
    return {
        "recordType": "CPLAlbum",
        "fields": _fields(
            albumNameEnc=encoded,
            albumType=0,
            isDeleted=0,
            isExpunged=0,
            position=1024,
            sortAscending=1,
            sortType=1,
        ),
    }


def _fields(**values: object) -> dict[str, dict[str, object]]:
    return {name: {"value": value} for name, value in values.items()}
