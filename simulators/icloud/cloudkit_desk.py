"""What all CloudKit pages work with, and how they refuse; it answers nothing itself."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.icloud.behaviour import Habits
from simulators.icloud.clock import Clock
from simulators.icloud.expiry import Expiry
from simulators.icloud.page_faults import PageFaults
from simulators.icloud.persona import Persona
from simulators.icloud.records import Json
from simulators.icloud.render import Place, Renderer
from simulators.icloud.setup_pages import base_url
from simulators.icloud.world import Database, World
from simulators.icloud.zone import Zone


class CloudKitError(Exception):
    """A request that is refused as a whole; `code` is CloudKit's serverErrorCode."""

    def __init__(self, status: int, code: str, reason: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason
        self.retry_after = retry_after

    def answer(self) -> Response:
        """The error as CloudKit sends it; `retry_after` is in seconds."""
        body: dict[str, Json] = {"serverErrorCode": self.code, "reason": self.reason}
        body["uuid"] = "simulated"
        if not self.retry_after:
            return JSONResponse(body, status_code=self.status)
        later = {"Retry-After": str(self.retry_after)}
        body["retryAfter"] = self.retry_after
        return JSONResponse(body, status_code=self.status, headers=later)


@dataclass(frozen=True)
class Desk:
    """The truth, the clock and everything that acts on what pages do."""

    world: World
    renderer: Renderer
    persona: Persona
    clock: Clock
    faults: PageFaults
    habits: Habits
    expiry: Expiry

    def zone(self, body: dict[str, Json], database: Database) -> Zone:
        """Find the zone that a request names; raises CloudKitError."""
        zone_id = body.get("zoneID")
        name = str(zone_id.get("zoneName", "")) if isinstance(zone_id, dict) else ""
        if name.startswith("SharedCollection-"):
            raise CloudKitError(400, "BAD_REQUEST", "zone is not supported")
        if name not in database.zones:
            raise CloudKitError(404, "ZONE_NOT_FOUND", "Zone does not exist")
        return database.zones[name]

    def place(self, request: Request, zone: Zone | None) -> Place:
        """Where and when an answer is given; without a zone, its records carry none."""
        zone_id = zone.zone_id if zone else None
        return Place(base_url(request), self.clock() // 1000, zone_id)


def wanted_keys(body: dict[str, Json]) -> frozenset[str] | None:
    """Read which fields are wanted, None for all."""
    keys = body.get("desiredKeys")
    return frozenset(map(str, keys)) if isinstance(keys, list) else None
