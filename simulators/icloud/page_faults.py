"""Does what is scripted to pages of records: refuses, empties, splits or garbles them; it changes no zone."""

from dataclasses import dataclass
from typing import get_args

from starlette.requests import Request

from simulators.icloud.faults import Fault, Page, Script, with_assets
from simulators.icloud.modify import Refusal
from simulators.icloud.records import Json
from simulators.icloud.world import World
from simulators.icloud.zone import ChangePage, Zone

_DOES = frozenset(get_args(Page))
_OF_CHANGES = _DOES - {"record_error"}
_OF_RECORDS = frozenset({"record_error"})
_OF_QUERIES = frozenset({"garble", "empty_page"})


@dataclass(frozen=True)
class PageFaults:
    """What the CloudKit pages ask before they answer."""

    script: Script
    world: World

    def on_changes(self, page: ChangePage, request: Request) -> Fault | None:
        """Say what befalls a page of changes."""
        names = {change.name for change in page.changes}
        return self._strike("changes/zone", names, _OF_CHANGES, request)

    def on_query(self, names: set[str], request: Request) -> Fault | None:
        """Say what befalls a page of a query."""
        return self._strike("records/query", names, _OF_QUERIES, request)

    def refusals(self, kind: str, names: set[str], request: Request) -> dict[str, Refusal]:
        """Say which records of a lookup or a modify are refused; all, when the fault names none."""
        fault = self._strike(kind, names, _OF_RECORDS, request)
        if fault is None:
            return {}
        hit = [name for name in names if not _is_about_some(fault) or self._is_about(fault, name)]
        return {name: Refusal(name, fault.code, "scripted") for name in hit}

    def garbled(self, fault: Fault | None, records: list[Json]) -> list[Json]:
        """Spoil the records that a fault names; without a name, put a spoilt one among the others."""
        if fault is None or fault.do != "garble":
            return records
        if not _is_about_some(fault):
            middle = len(records) // 2
            return [*records[:middle], _spoilt("GARBLED"), *records[middle:]]
        return [_spoilt(name) if self._is_about(fault, name := _name(r)) else r for r in records]

    def _is_about(self, fault: Fault, name: str) -> bool:
        return bool(with_assets(self.script, self.world, {name}) & {fault.record, fault.asset})

    def _strike(
        self, kind: str, names: set[str], does: frozenset[str], request: Request
    ) -> Fault | None:
        fault = self.script.strike(kind, with_assets(self.script, self.world, names), does)
        if fault:
            request.scope["exchange"].fault = fault.do
        return fault


def split_page(zone: Zone, page: ChangePage, fault: Fault) -> ChangePage:
    """End a page between a master and its asset: the pair that the fault names, or the first."""
    places = {change.name: place for place, change in enumerate(page.changes)}
    for change in page.changes:
        master = change.record.master_name if change.record else ""
        if master in places and fault.asset in (None, change.name):
            return zone.cut(page, min(places[master], places[change.name]) + 1)
    return page


def _is_about_some(fault: Fault) -> bool:
    return fault.record is not None or fault.asset is not None


def _name(record: Json) -> str:
    return str(record.get("recordName")) if isinstance(record, dict) else ""


def _spoilt(name: str) -> Json:
    fields: Json = {"assetDate": "no object", "masterRef": {"value": 7}, "filenameEnc": None}
    return {"recordName": name, "recordType": "CPLAsset", "fields": fields, "deleted": False}
