"""The pages about records: queries, counts, lookups and the one that writes."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.icloud.cloudkit_desk import CloudKitError, Desk, wanted_keys
from simulators.icloud.modify import (
    Operation,
    Outcome,
    Refusal,
    Removed,
    apply_operations,
    parse_operation,
)
from simulators.icloud.query import BadQuery, answer, count_records, parse_question
from simulators.icloud.records import Json
from simulators.icloud.render import Place, tombstone
from simulators.icloud.world import Database

_MOST_OPERATIONS = 200


@dataclass(frozen=True)
class RecordPages:
    """records/query, its counts, records/lookup and records/modify."""

    desk: Desk

    async def query(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Answer one page of a query."""
        desk = self.desk
        zone = desk.zone(body, database)
        try:
            question = parse_question(body)
            found = answer(zone, database.indexes[zone.name], question, desk.habits.now)
        except BadQuery as error:
            raise CloudKitError(400, "BAD_REQUEST", str(error)) from error
        fault = desk.faults.on_query({record.name for record in found.records}, request)
        shown = [] if fault and fault.do == "empty_page" else found.records
        place = desk.place(request, zone)
        records = await desk.renderer.records(shown, place, wanted_keys(body))
        answered: dict[str, Json] = {
            "records": desk.faults.garbled(fault, records),
            "syncToken": zone.token,
        }
        if found.marker:
            answered["continuationMarker"] = found.marker
        return JSONResponse(answered)

    async def counts(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Answer a batch of index counts."""
        desk = self.desk
        batch = body.get("batch")
        items = [i for i in (batch if isinstance(batch, list) else []) if isinstance(i, dict)]
        answered: list[Json] = []
        for item in items:
            zone = desk.zone(item, database)
            off = desk.habits.now.counts_off_by
            records = count_records(database.indexes[zone.name], _index_names(item), off)
            rendered = await desk.renderer.records(records, desk.place(request, zone))
            answered.append({"records": rendered, "syncToken": zone.token})
        return JSONResponse({"batch": answered})

    async def lookup(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Give records by name, with fresh addresses; an unknown one is an error of its own."""
        desk = self.desk
        zone = desk.zone(body, database)
        asked = body.get("records")
        names = [
            str(item.get("recordName"))
            for item in (asked if isinstance(asked, list) else [])
            if isinstance(item, dict)
        ]
        refused = desk.faults.refusals("records/lookup", set(names), request)
        wanted = (name for name in names if name not in refused)
        found = {name: record for name in wanted if (record := zone.get(name))}
        place = desk.place(request, zone)
        rendered = iter(await desk.renderer.records(found.values(), place, wanted_keys(body)))
        by_name = {name: next(rendered) for name in found}
        records = [by_name.get(n) or refused.get(n, _not_found(n)).as_json() for n in names]
        return JSONResponse({"records": records, "syncToken": zone.token})

    async def modify(self, body: dict[str, Json], request: Request, database: Database) -> Response:
        """Apply operations; HTTP 200 even when records were refused."""
        desk = self.desk
        zone = desk.zone(body, database)
        operations = _operations(body)
        deletions = sum(_deletes(operation) for operation in operations)
        if deletions and (later := desk.habits.too_many(desk.clock())):
            raise CloudKitError(503, "THROTTLED", "too many deletions", later)
        names = {operation.name for operation in operations}
        outcomes = apply_operations(
            zone,
            operations,
            atomic=bool(body.get("atomic")),
            now=desk.clock(),
            scripted=desk.faults.refusals("records/modify", names, request),
        )
        desk.habits.deleted(deletions, desk.clock())
        desk.persona.notice(zone, outcomes)
        place = desk.place(request, None)
        records = [await self._outcome(outcome, place) for outcome in outcomes]
        return JSONResponse({"records": records, "syncToken": zone.token})

    async def _outcome(self, outcome: Outcome, place: Place) -> Json:
        match outcome:
            case Refusal():
                return outcome.as_json()
            case Removed(name=name):
                return tombstone(name)
            case record:
                return (await self.desk.renderer.records([record], place))[0]


def _operations(body: dict[str, Json]) -> list[Operation]:
    raw = body.get("operations")
    items = raw if isinstance(raw, list) else []
    if not 0 < len(items) <= _MOST_OPERATIONS:
        raise CloudKitError(400, "BAD_REQUEST", "a request takes 1 to 200 operations")
    try:
        return [parse_operation(item) for item in items]
    except ValueError as error:
        raise CloudKitError(400, "BAD_REQUEST", str(error)) from error


def _deletes(operation: Operation) -> bool:
    written = operation.fields.get("isDeleted")
    return operation.record_type == "CPLAsset" and written is not None and bool(written.value)


def _not_found(name: str) -> Refusal:
    return Refusal(name, "NOT_FOUND", "Record not found")


def _index_names(item: dict[str, Json]) -> list[str]:
    """Read the index names of a count; `filterBy` comes as one filter or as a list of them."""
    query = item.get("query")
    raw = query.get("filterBy") if isinstance(query, dict) else None
    first = raw[0] if isinstance(raw, list) and raw else raw
    value = first.get("fieldValue") if isinstance(first, dict) else None
    names = value.get("value") if isinstance(value, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []
