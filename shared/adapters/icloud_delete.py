"""The one call that deletes an asset in iCloud, softly: it goes to Recently Deleted for 30 days. No code that expunges exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.icloud_transport import CloudKit, only_record
from shared.domain.icloud_fields import moment, value
from shared.domain.icloud_records import is_deleted
from shared.ports.icloud import DeletedRecord, Unanswered

if TYPE_CHECKING:
    from shared.ports.icloud import Json


class ICloudDelete:
    """Deletes one asset at a time; only the service that asks for a permit may hold this."""

    def __init__(self, cloud: CloudKit) -> None:
        self._cloud = cloud

    async def __call__(self, asset: str, tag: str) -> DeletedRecord:
        """Move an asset whose CPLAsset still has the change tag `tag` to Recently Deleted; sent once, never repeated.

        Raises Declined when iCloud refuses this record (a changed tag, too), Unanswered and Waiting when it is unknown
        whether it was done: then look before anything else.
        """
        answer = await self._cloud.post_once("records/modify", self._request(asset, tag))
        record = only_record(answer, asset)
        if not is_deleted(record):
            raise Unanswered("iCloud's answer does not say that the asset is deleted")
        return DeletedRecord(moment(value(record, "dateExpunged")))

    def _request(self, asset: str, tag: str) -> Json:
        record = {
            "recordName": asset,
            "recordType": "CPLAsset",
            "recordChangeTag": tag,
            "fields": {"isDeleted": {"value": 1}},
        }
        return {
            "atomic": True,
            "zoneID": self._cloud.zone_id,
            "operations": [{"operationType": "update", "record": record}],
        }
