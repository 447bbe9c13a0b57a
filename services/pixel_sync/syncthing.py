"""Asks the server's Syncthing what the phone holds; it can never delete, override or reconfigure.

Facts that this rests on: "not in remoteneed" and "completion 100 %" prove nothing, `db/file` does
when every clause of `holding_of` is met. `freed` is told from the phone's authorship of the deletion.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import httpx

from services.pixel_sync.ports import Freed, Held, Holding, Lack, NotYet, StagedFile
from services.pixel_sync.syncthing_answers import (
    check_folder,
    doubt_of,
    holding_of,
    mapping,
    parse_time,
)
from shared.domain.errors import Fatal, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

PREFILTER_ABOVE: Final = 2_000
"""From this many files on, one `remoteneed` is cheaper than asking for each."""
SHORT_ID: Final = 7
_PAGE: Final = 65_536
_POLL_SLACK_S: Final = 15.0
_WAKING_EVENTS: Final = "RemoteIndexUpdated,FolderCompletion,DeviceConnected"


@dataclass(frozen=True, slots=True)
class SyncthingAddress:
    """Where the server's Syncthing answers, and which folder and phone it is asked about."""

    rest_url: str
    # never in a log line
    api_key: str = field(repr=False)
    folder: str
    device: str


class SyncthingPhone:
    """The `PhonePort` over Syncthing's REST interface, 1.19 to 2.x; use as `async with`."""

    def __init__(
        self,
        address: SyncthingAddress,
        *,
        now: Callable[[], datetime],
        request_timeout: timedelta = timedelta(seconds=30),
        prefilter_above: int = PREFILTER_ABOVE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = address
        self._now = now
        self._prefilter_above = prefilter_above
        self._timeout_s = request_timeout.total_seconds()
        self._events_since = 0
        self._started_at = ""
        self._http = httpx.AsyncClient(
            base_url=address.rest_url,
            headers={"X-API-Key": address.api_key},
            timeout=self._timeout_s,
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ready(self) -> None:
        """Raise Fatal when the key, the folder or the device cannot work."""
        me = str((await self._get("/rest/system/status")).get("myID", ""))
        folder = await self._find(f"/rest/config/folders/{quote(self._address.folder, safe='')}")
        if folder is None:
            raise Fatal(f"Syncthing has no folder '{self._address.folder}'")
        check_folder(folder, device=self._address.device, me=me)

    async def scan(self, path: str) -> None:
        """Have one path (re)scanned; returns when that is done."""
        await self._send("POST", "/rest/db/scan", self._of_folder(sub=path))

    async def holdings(self, pending: Sequence[StagedFile]) -> Mapping[StagedFile, Holding]:
        """Answer what the phone has of each file."""
        if not pending:
            return {}
        completion = await self._find("/rest/db/completion", self._of_device())
        if completion is None:
            return dict.fromkeys(pending, NotYet(Lack.NOT_SCANNED))
        doubt = doubt_of(completion)
        needed = await self._needed_by_phone() if len(pending) > self._prefilter_above else set()
        answers = {file: await self._holding(file, needed) for file in pending}
        return {
            file: doubt if doubt and isinstance(had, Held) else had for file, had in answers.items()
        }

    async def freed(self) -> Mapping[str, Freed]:
        """Answer the paths whose deletion the phone authored and the server has not followed."""
        status = await self._get("/rest/db/status", self._of_folder())
        if not status.get("needDeletes"):
            return {}
        rows = await self._pages("/rest/db/need", self._of_folder())
        return {
            str(row["name"]): Freed(parse_time(row["modified"]))
            for row in rows
            if row.get("deleted") and row.get("modifiedBy") == self._author
        }

    async def phone_seen(self) -> datetime | None:
        """Answer now while the phone is connected, else when it was last seen."""
        device = self._address.device
        links = mapping((await self._get("/rest/system/connections")).get("connections"))
        if mapping(links.get(device)).get("connected"):
            return self._now()
        seen = mapping((await self._get("/rest/stats/device")).get(device)).get("lastSeen")
        moment = parse_time(seen) if seen else None
        # Go's zero time and the epoch both mean: never
        return moment if moment and moment.year > 1970 else None

    async def wait_for_change(self, within: timedelta) -> bool:
        """Long-poll the events that can follow from the phone; a restart of Syncthing starts anew."""
        started_at = str((await self._get("/rest/system/status")).get("startTime", ""))
        if started_at != self._started_at:
            self._started_at, self._events_since = started_at, 0
        seconds = max(1, int(within.total_seconds()))
        query = {"since": self._events_since, "timeout": seconds, "events": _WAKING_EVENTS}
        events = await self._send("GET", "/rest/events", query, wait_s=seconds + _POLL_SLACK_S)
        if not isinstance(events, list) or not events:
            return False
        self._events_since = int(events[-1]["id"])
        return True

    @property
    def _author(self) -> str:
        return self._address.device[:SHORT_ID]

    async def _holding(self, file: StagedFile, needed: set[str]) -> Holding:
        if not unicodedata.is_normalized("NFC", file.path):
            return NotYet(Lack.NAME_NOT_NFC)
        if file.path in needed:
            return NotYet(Lack.NOT_ON_PHONE)
        answer = await self._find("/rest/db/file", self._of_folder(file=file.path))
        if answer is None:
            return NotYet(Lack.NOT_SCANNED)
        return holding_of(file, answer, device=self._address.device)

    async def _needed_by_phone(self) -> set[str]:
        rows = await self._pages("/rest/db/remoteneed", self._of_device())
        return {str(row["name"]) for row in rows}

    async def _pages(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Read every page of a listing; 1.x and 2.x split `need` into three lists."""
        rows: list[dict[str, Any]] = []
        page = 0
        while True:
            page += 1
            answer = await self._get(path, {**query, "page": page, "perpage": _PAGE})
            lists = (answer.get(name) or [] for name in ("progress", "queued", "rest", "files"))
            found = [row for rows_of in lists for row in rows_of]
            rows += found
            if len(found) < _PAGE:
                return rows

    def _of_folder(self, **more: str) -> dict[str, Any]:
        return {"folder": self._address.folder, **more}

    def _of_device(self) -> dict[str, Any]:
        return self._of_folder(device=self._address.device)

    async def _get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._find(path, query)
        if answer is None:
            raise Permanent(f"Syncthing knows nothing at {path}")
        return answer

    async def _find(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any] | None:
        answer = await self._send("GET", path, query or {})
        return None if answer is None else mapping(answer)

    async def _send(
        self, method: str, path: str, query: dict[str, Any], *, wait_s: float | None = None
    ) -> Any:
        """Answer the JSON, or None for 404; raises Transient, Permanent or Fatal."""
        try:
            answer = await self._http.request(
                method, path, params=query, timeout=wait_s or self._timeout_s
            )
        except httpx.TransportError as error:
            message = f"Syncthing at {self._address.rest_url} does not answer: {error!r}"
            raise Transient(message) from error
        return _body_of(answer)


def _body_of(answer: httpx.Response) -> Any:
    path, text = answer.request.url.path, answer.text.strip()[:200]
    if answer.status_code == 404:
        return None
    if answer.status_code in (401, 403):
        raise Fatal(f"Syncthing refuses the API key or the host name ({answer.status_code} {text})")
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Transient(f"Syncthing cannot do {path} now: {text or answer.status_code}")
    if not answer.is_success:
        raise Permanent(f"Syncthing refuses {path}: {answer.status_code} {text}")
    if not answer.content:
        return {}
    try:
        return answer.json()
    except ValueError as error:
        raise Transient(f"{path} did not answer in JSON: is this Syncthing?") from error
