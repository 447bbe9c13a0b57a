"""The pages about zones: which there are and what changed in them; they change nothing."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.icloud.cloudkit_desk import CloudKitError, Desk, wanted_keys
from simulators.icloud.page_faults import split_page
from simulators.icloud.query import PAGE_LIMIT
from simulators.icloud.records import Json
from simulators.icloud.tokens import BadToken, make_token, read_token
from simulators.icloud.world import Database
from simulators.icloud.zone import Zone

_REASON = "Unknown sync continuation type"


@dataclass(frozen=True)
class ZonePages:
    """zones/list, changes/database and changes/zone."""

    desk: Desk

    async def listed(
        self, _body: dict[str, Json], _request: Request, database: Database
    ) -> Response:
        """List the zones with their sync tokens."""
        zones = [
            {"zoneID": zone.zone_id, "syncToken": zone.token, "deleted": False}
            for zone in database.zones.values()
        ]
        return JSONResponse({"zones": zones})

    async def database_changes(
        self, body: dict[str, Json], _request: Request, database: Database
    ) -> Response:
        """Say which zones changed since a database token."""
        token = body.get("syncToken")
        try:
            since = read_token(str(token), "database", database.name, database.seq) if token else -1
        except BadToken as error:
            raise CloudKitError(400, "BAD_REQUEST", _REASON) from error
        changed = database.changed_since(since)
        answered = {
            "zones": [{"zoneID": zone.zone_id, "deleted": False} for zone in changed],
            "moreComing": False,
            "syncToken": make_token("database", database.name, database.mark()),
        }
        return JSONResponse(answered)

    async def zone_changes(
        self, body: dict[str, Json], request: Request, database: Database
    ) -> Response:
        """Give the next stretch of each zone's feed; a zone's failure is inside the answer."""
        wanted = body.get("zones")
        limit = body.get("resultsLimit")
        size = min(limit, PAGE_LIMIT) if isinstance(limit, int) and limit > 0 else PAGE_LIMIT
        zones = [
            await self._stretch(item, size, request, database)
            for item in (wanted if isinstance(wanted, list) else [])
            if isinstance(item, dict)
        ]
        return JSONResponse({"zones": zones})

    async def _stretch(
        self, item: dict[str, Json], limit: int, request: Request, database: Database
    ) -> Json:
        zone = self.desk.zone(item, database)
        since = str(token) if (token := item.get("syncToken")) else None
        try:
            page = zone.changes(since, limit)
        except BadToken:
            return _bad_token(zone)
        fault = self.desk.faults.on_changes(page, request)
        match fault.do if fault else None:
            case "bad_token":
                return _bad_token(zone)
            case "empty_page":
                page = zone.empty(since)
            case "split" if fault:
                page = split_page(zone, page, fault)
            case _:
                pass
        place = self.desk.place(request, zone)
        records = await self.desk.renderer.changes(page.changes, place, wanted_keys(item))
        return {
            "zoneID": zone.zone_id,
            "syncToken": page.token,
            "moreComing": page.more_coming,
            "records": self.desk.faults.garbled(fault, records),
        }


def _bad_token(zone: Zone) -> Json:
    return {"zoneID": zone.zone_id, "serverErrorCode": "BAD_REQUEST", "reason": _REASON}
