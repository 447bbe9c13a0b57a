"""The CloudKit pages of the Photos container: private and shared; every page needs the cookie."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.account_pcs import refusal
from simulators.icloud.clock import Clock
from simulators.icloud.faults import Script
from simulators.icloud.modify import Outcome, Refusal, Removed, apply_operations, parse_operation
from simulators.icloud.page_faults import PageFaults, split_page
from simulators.icloud.persona import Persona
from simulators.icloud.query import PAGE_LIMIT, BadQuery, answer, count_records, parse_question
from simulators.icloud.records import Json
from simulators.icloud.render import Place, Renderer, tombstone
from simulators.icloud.setup_pages import base_url
from simulators.icloud.signin import read_json
from simulators.icloud.tokens import BadToken, make_token, read_token
from simulators.icloud.world import Database, World
from simulators.icloud.zone import Zone

_PREFIX = "/database/1/com.apple.photos.cloud/production"
_MOST_OPERATIONS = 200
Page = Callable[[dict[str, Json], Request, Database], Awaitable[Response]]


class CloudKitError(Exception):
    """A request that is refused as a whole; `code` is CloudKit's serverErrorCode."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason

    def answer(self) -> Response:
        """The error as CloudKit sends it."""
        body = {"serverErrorCode": self.code, "reason": self.reason, "uuid": "simulated"}
        return JSONResponse(body, status_code=self.status)


@dataclass(frozen=True)
class CloudKitPages:
    """The pages; the databases are the truth they show."""

    account: Account
    world: World
    renderer: Renderer
    persona: Persona
    clock: Clock
    script: Script

    @property
    def faults(self) -> PageFaults:
        """What is scripted to happen to pages."""
        return PageFaults(self.script, self.world)

    def routes(self) -> list[Route]:
        """Every page of every database."""
        pages: dict[str, Page] = {
            "zones/list": self.zones_list,
            "changes/database": self.database_changes,
            "changes/zone": self.zone_changes,
            "records/query": self.query,
            "internal/records/query/batch": self.counts,
            "records/lookup": self.lookup,
            "records/modify": self.modify,
        }
        return [
            Route(f"{_PREFIX}/{base.name}/{path}", self._guarded(page, base), methods=["POST"])
            for base in self.world.databases
            for path, page in pages.items()
        ]

    def _guarded(self, page: Page, database: Database) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if refused := refusal(self.account, request):
                return refused
            try:
                return await page(await read_json(request), request, database)
            except CloudKitError as error:
                return error.answer()

        return endpoint

    async def zones_list(
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
            raise CloudKitError(400, "BAD_REQUEST", "Unknown sync continuation type") from error
        changed = list(database.zones.values()) if since < database.seq else []
        answered = {
            "zones": [{"zoneID": zone.zone_id, "deleted": False} for zone in changed],
            "moreComing": False,
            "syncToken": make_token("database", database.name, database.seq),
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
            await self._zone_stretch(item, size, request, database)
            for item in (wanted if isinstance(wanted, list) else [])
            if isinstance(item, dict)
        ]
        return JSONResponse({"zones": zones})

    async def _zone_stretch(
        self, item: dict[str, Json], limit: int, request: Request, database: Database
    ) -> Json:
        zone = self._zone(item, database)
        token = item.get("syncToken")
        since = str(token) if token else None
        try:
            page = zone.changes(since, limit)
        except BadToken:
            return _bad_token(zone)
        fault = self.faults.on_changes(page, request)
        match fault.do if fault else None:
            case "bad_token":
                return _bad_token(zone)
            case "empty_page":
                page = zone.empty(since)
            case "split" if fault:
                page = split_page(zone, page, fault)
            case _:
                pass
        place = self._place(request, zone.zone_id)
        records = await self.renderer.changes(page.changes, place, _keys(item))
        return {
            "zoneID": zone.zone_id,
            "syncToken": page.token,
            "moreComing": page.more_coming,
            "records": self.faults.garbled(fault, records),
        }

    async def query(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Answer one page of a query."""
        zone = self._zone(body, database)
        try:
            found = answer(zone, database.indexes[zone.name], parse_question(body))
        except BadQuery as error:
            raise CloudKitError(400, "BAD_REQUEST", str(error)) from error
        place = self._place(request, zone.zone_id)
        fault = self.faults.on_query({record.name for record in found.records}, request)
        records = await self.renderer.records(found.records, place, _keys(body))
        answered: dict[str, Json] = {
            "records": self.faults.garbled(fault, records),
            "syncToken": zone.token,
        }
        if found.marker:
            answered["continuationMarker"] = found.marker
        return JSONResponse(answered)

    async def counts(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Answer a batch of index counts."""
        batch = body.get("batch")
        items = [i for i in (batch if isinstance(batch, list) else []) if isinstance(i, dict)]
        answered: list[Json] = []
        for item in items:
            zone = self._zone(item, database)
            records = count_records(database.indexes[zone.name], _index_names(item))
            rendered = await self.renderer.records(records, self._place(request, zone.zone_id))
            answered.append({"records": rendered, "syncToken": zone.token})
        return JSONResponse({"batch": answered})

    async def lookup(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Give records by name, with fresh addresses; an unknown one is an error of its own."""
        zone = self._zone(body, database)
        asked = body.get("records")
        names = [
            str(item.get("recordName"))
            for item in (asked if isinstance(asked, list) else [])
            if isinstance(item, dict)
        ]
        refused = self.faults.refusals("records/lookup", set(names), request)
        wanted = (name for name in names if name not in refused)
        found = {name: record for name in wanted if (record := zone.get(name))}
        place = self._place(request, zone.zone_id)
        rendered = iter(await self.renderer.records(found.values(), place, _keys(body)))
        by_name = {name: next(rendered) for name in found}
        records = [by_name.get(n) or refused.get(n, _not_found(n)).as_json() for n in names]
        return JSONResponse({"records": records, "syncToken": zone.token})

    async def modify(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Apply operations; HTTP 200 even when records were refused."""
        zone = self._zone(body, database)
        raw = body.get("operations")
        items = raw if isinstance(raw, list) else []
        if not 0 < len(items) <= _MOST_OPERATIONS:
            raise CloudKitError(400, "BAD_REQUEST", "a request takes 1 to 200 operations")
        try:
            operations = [parse_operation(item) for item in items]
        except ValueError as error:
            raise CloudKitError(400, "BAD_REQUEST", str(error)) from error
        names = {operation.name for operation in operations}
        scripted = self.faults.refusals("records/modify", names, request)
        outcomes = apply_operations(
            zone, operations, atomic=bool(body.get("atomic")), now=self.clock(), scripted=scripted
        )
        self.persona.notice(zone, outcomes)
        place = self._place(request, None)
        records = [await self._outcome(outcome, place) for outcome in outcomes]
        return JSONResponse({"records": records, "syncToken": zone.token})

    async def _outcome(self, outcome: Outcome, place: Place) -> Json:
        match outcome:
            case Refusal():
                return outcome.as_json()
            case Removed(name=name):
                return tombstone(name)
            case record:
                return (await self.renderer.records([record], place))[0]

    def _zone(self, body: dict[str, Json], database: Database) -> Zone:
        zone_id = body.get("zoneID")
        name = str(zone_id.get("zoneName", "")) if isinstance(zone_id, dict) else ""
        if name.startswith("SharedCollection-"):
            raise CloudKitError(400, "BAD_REQUEST", "zone is not supported")
        if name not in database.zones:
            raise CloudKitError(404, "ZONE_NOT_FOUND", "Zone does not exist")
        return database.zones[name]

    def _place(self, request: Request, zone_id: dict[str, Json] | None) -> Place:
        return Place(base_url(request), self.clock() // 1000, zone_id)


def _not_found(name: str) -> Refusal:
    return Refusal(name, "NOT_FOUND", "Record not found")


def _bad_token(zone: Zone) -> Json:
    reason = "Unknown sync continuation type"
    return {"zoneID": zone.zone_id, "serverErrorCode": "BAD_REQUEST", "reason": reason}


def _keys(body: dict[str, Json]) -> frozenset[str] | None:
    keys = body.get("desiredKeys")
    return frozenset(map(str, keys)) if isinstance(keys, list) else None


def _index_names(item: dict[str, Json]) -> list[str]:
    """Read the index names of a count; `filterBy` comes as one filter or as a list of them."""
    query = item.get("query")
    raw = query.get("filterBy") if isinstance(query, dict) else None
    first = raw[0] if isinstance(raw, list) and raw else raw
    value = first.get("fieldValue") if isinstance(first, dict) else None
    names = value.get("value") if isinstance(value, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []
