"""Speaks the wire's own language to a simulated iCloud that runs as a program; signed in."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.integration.icloud_sim import Simulator, running, signed_in

ROOT = "/database/1/com.apple.photos.cloud/production"
PRIMARY = "PrimarySync"
ADDED = "CPLAssetAndMasterByAddedDate"


@dataclass
class Wire:
    """A client with the session's cookies."""

    simulator: Simulator
    http: httpx.Client

    def send(self, path: str, database: str = "private", **body: Any) -> httpx.Response:
        return self.http.post(f"{ROOT}/{database}/{path}", json=body)

    def post(self, path: str, zone: str = PRIMARY, **body: Any) -> dict[str, Any]:
        database = body.pop("database", "private")
        response = self.send(path, database, zoneID={"zoneName": zone}, **body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def query(self, kind: str, limit: int = 200, **filters: Any) -> list[dict[str, Any]]:
        wire = [
            {"fieldName": name, "comparator": "EQUALS", "fieldValue": {"value": value}}
            for name, value in filters.items()
        ]
        body = {"recordType": kind, "filterBy": wire}
        found: list[dict[str, Any]] = self.post("records/query", query=body, resultsLimit=limit)[
            "records"
        ]
        return found

    def lookup(self, *names: str) -> list[dict[str, Any]]:
        asked = [{"recordName": name} for name in names]
        found: list[dict[str, Any]] = self.post("records/lookup", records=asked)["records"]
        return found

    def feed(self, token: str | None, zone: str = PRIMARY, **body: Any) -> dict[str, Any]:
        asked = {"zoneID": {"zoneName": zone}} | ({"syncToken": token} if token else {})
        page: dict[str, Any] = self.post("changes/zone", zone, zones=[asked], **body)["zones"][0]
        return page

    def history(self, token: str | None = None, **body: Any) -> list[list[dict[str, Any]]]:
        """Every page of the feed after a token, until nothing more comes."""
        pages: list[list[dict[str, Any]]] = []
        more = True
        while more:
            page = self.feed(token, **body)
            token, more = page["syncToken"], page["moreComing"]
            pages.append(page["records"])
        return pages

    def delete(self, *names: str) -> dict[str, Any]:
        records = {record["recordName"]: record for record in self.lookup(*names)}
        operations = [change(records[name], isDeleted=1) for name in names]
        return self.post("records/modify", operations=operations, atomic=False)

    def admin(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        response = self.http.request(method, f"/admin/{path}", json=body or None)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def fault(self, **fault: Any) -> None:
        self.admin("POST", "faults", **fault)

    def fired(self) -> list[int]:
        return [fault["fired"] for fault in self.admin("GET", "faults")["faults"]]

    def later(self, **ago: float) -> None:
        self.admin("POST", "clock", advance_seconds=sum(ago.values()))


def change(record: dict[str, Any], kind: str = "update", **fields: Any) -> dict[str, Any]:
    """An operation that writes fields of a record, with the tag it was seen with."""
    kept = {k: record[k] for k in ("recordName", "recordType", "recordChangeTag") if k in record}
    written = {name: {"value": value} for name, value in fields.items()}
    return {"operationType": kind, "record": kept | {"fields": written}}


@contextmanager
def wired(folder: Path, *arguments: str, library: Path | None = None) -> Iterator[Wire]:
    """Run the program, sign in, and give a client with the session's cookies."""
    with (
        running(library, folder / "run", *arguments) as simulator,
        signed_in(simulator, folder / "cookies") as api,
    ):
        cookies = {cookie.name: cookie.value or "" for cookie in api.session.cookies}
        trust = ssl.create_default_context(cafile=simulator.ca)
        with httpx.Client(
            base_url=simulator.base_url, cookies=cookies, verify=trust, timeout=60
        ) as http:
            yield Wire(simulator, http)
