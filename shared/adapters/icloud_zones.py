"""Finds the zones whose photos are wanted: the person's own, and on request the shared library; it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_transport import CloudKit, Place
from shared.domain.icloud_fields import clean
from shared.ports.icloud import Declined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.adapters.icloud_session import ICloudSession
    from shared.ports.icloud import Json
    from shared.ports.watching import Observe

_SHARED_LIBRARY = "SharedSync-"
"""Whoever shares a library has it in the private database, whoever was invited in the shared one. `CMM-*` zones are links that
somebody sent, `SharedCollection-*` shared albums: neither belongs to a library."""


class ICloudZones:
    """The zones of the signed-in account."""

    def __init__(self, session: ICloudSession, observe: Observe | None = None) -> None:
        self._session = session
        self._observe = observe
        self._own = session.settings.zone
        self._records: dict[str, ICloudRecords] = {
            self._own: ICloudRecords(CloudKit(session, observe=observe))
        }

    async def names(self) -> tuple[str, ...]:
        """Return the zones to look at as iCloud lists them now, the own one first.

        Raises Waiting, Unanswered, Declined: an error is never an empty list.
        """
        found: dict[str, Place] = {}
        if self._session.settings.shared_library:
            for place in [*await self._listed("shared"), *await self._listed("private")]:
                found[place.zone_id["zoneName"]] = place
        for name, place in found.items():
            self._records[name] = ICloudRecords(CloudKit(self._session, place, self._observe))
        return (self._own, *sorted(found))

    def known(self) -> tuple[str, ...]:
        """Return the zones that need no asking: the own one, and what was listed before."""
        return tuple(self._records)

    async def records(self, zone: str) -> ICloudRecords:
        """Return the reader of a zone; Declined for one that iCloud does not list. Errors as of `names`."""
        if zone not in self._records:
            await self.names()
        try:
            return self._records[zone]
        except KeyError:
            raise Declined(f"iCloud lists no zone {zone[:80]}", code="ZONE_NOT_FOUND") from None

    async def _listed(self, database: Literal["private", "shared"]) -> list[Place]:
        cloud = CloudKit(self._session, Place({}, database), self._observe)
        answer = await cloud.post("zones/list", {})
        zones = answer.get("zones")
        if not isinstance(zones, list):
            raise Declined("iCloud answers without its zones", code="NO_ZONES")
        return [Place(zone_id, database) for zone in zones for zone_id in _shared_library(zone)]


def _shared_library(zone: object) -> Iterator[Json]:
    """Yield the id of a zone that is a live shared library."""
    if not isinstance(zone, dict) or zone.get("deleted") is True:
        return
    zone_id = zone.get("zoneID")
    if not isinstance(zone_id, dict):
        return
    name = clean(zone_id.get("zoneName"))
    if name and name == zone_id.get("zoneName") and name.startswith(_SHARED_LIBRARY):
        yield zone_id
