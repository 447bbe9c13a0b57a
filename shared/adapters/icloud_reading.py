"""Reads iCloud's change feed and single records; it changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.adapters.icloud_transport import SLOW_CODES, CloudKit, decline_zone, slow
from shared.domain.icloud_records import master_name
from shared.ports.icloud import (
    ChangePage,
    Declined,
    Json,
    LookedUp,
    RecordsSlowedDown,
    WholeAsset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = 200
"""Records a page of the change feed at most."""
NAMES = 100
"""Names a lookup at most."""


class ICloudRecords:
    """The records of one zone."""

    def __init__(self, cloud: CloudKit) -> None:
        self._cloud = cloud

    async def changes(self, token: str | None) -> ChangePage:
        """Return the page of the zone's change feed after `token`; None begins the full history.

        Raises TokenRefused, Waiting, Unanswered, Declined.
        """
        zone: Json = {"zoneID": self._cloud.zone_id} | ({"syncToken": token} if token else {})
        answer = await self._cloud.post("changes/zone", {"zones": [zone], "resultsLimit": PAGE})
        return _page(answer, token)

    async def lookup(self, names: Iterable[str]) -> LookedUp:
        """Return the records of these names as they are now; a name without an answer counts as failed.

        Raises Waiting, Unanswered, Declined.
        """
        wanted = list(dict.fromkeys(names))
        answers: list[object] = []
        for start in range(0, len(wanted), NAMES):
            answers += await self._lookup(wanted[start : start + NAMES])
        return _sorted(wanted, answers)

    async def whole(self, asset: str) -> WholeAsset:
        """Return an asset and its master as they are now; raises Declined when iCloud does not say."""
        found = await self._one(asset)
        name = master_name(found) if found else ""
        return WholeAsset(found, await self._one(name) if name else None)

    async def _one(self, name: str) -> Json | None:
        answer = await self.lookup([name])
        if name in answer.failed:
            raise Declined(answer.failed[name], code="LOOKUP")
        return answer.found.get(name)

    async def _lookup(self, names: Sequence[str]) -> list[Any]:
        body = {"records": [{"recordName": n} for n in names], "zoneID": self._cloud.zone_id}
        answer = await self._cloud.post("records/lookup", body)
        records = answer.get("records")
        return records if isinstance(records, list) else []


def _page(answer: Json, token: str | None) -> ChangePage:
    zones = answer.get("zones")
    zone = zones[0] if isinstance(zones, list) and zones else None
    if not isinstance(zone, dict):
        raise Declined("iCloud's change feed answers without its zone", code="NO_ZONE")
    if (code := zone.get("serverErrorCode")) is not None:
        decline_zone(code, token=token, wish=zone.get("retryAfter"))
    records, after = zone.get("records"), zone.get("syncToken")
    if not isinstance(records, list) or not isinstance(after, str) or not after:
        raise Declined("iCloud's change feed answers without records or token", code="NO_TOKEN")
    return ChangePage(tuple(records), after, more=zone.get("moreComing") is True)


def _sorted(wanted: Sequence[str], answers: Sequence[object]) -> LookedUp:
    """Sort the answers; one record that wants patience has failed, and slows everybody down only when all do."""
    found: dict[str, Json] = {}
    missing: set[str] = set()
    failed = dict.fromkeys(wanted, "iCloud gave no answer for it")
    wishes: list[object] = []
    for answer in answers:
        name = answer.get("recordName") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(name, str) or name not in failed:
            continue
        code = answer.get("serverErrorCode")
        if str(code) in SLOW_CODES:
            wishes.append(answer.get("retryAfter"))
        if code == "NOT_FOUND" or answer.get("deleted") is True:
            missing.add(name)
        elif code is None:
            found[name] = answer
        else:
            failed[name] = f"iCloud answered {str(code)[:60]} for it"
            continue
        del failed[name]
    read = LookedUp(found, frozenset(missing), failed)
    if wishes and len(wishes) == len(wanted):
        raise RecordsSlowedDown(max(slow(wish=wish).retry_after for wish in wishes), read)
    return read
