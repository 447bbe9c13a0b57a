"""Asks the server's Syncthing what the phone holds; it can never delete, override or reconfigure.

Facts that this rests on: "not in remoteneed" and "completion 100 %" prove nothing, `db/file` does
when every clause of `holding_of` is met. `freed` is told from the phone's authorship of the deletion.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from services.pixel_sync.ports import Freed, Held, Holding, Lack, NotYet, StagedFile
from services.pixel_sync.syncthing_answers import (
    check_folder,
    doubt_of,
    holding_of,
    mapping,
    parse_time,
)
from services.pixel_sync.syncthing_rest import SyncthingAddress, SyncthingRest
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import httpx

PREFILTER_ABOVE: Final = 2_000
"""From this many files on, one `remoteneed` is cheaper than asking for each."""
SHORT_ID: Final = 7
_POLL_SLACK_S: Final = 15.0
_WAKING_EVENTS: Final = "RemoteIndexUpdated,FolderCompletion,DeviceConnected"


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
        self._events_since = 0
        self._started_at = ""
        self._rest = SyncthingRest(address, request_timeout, transport)

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
        await self._rest.aclose()

    async def ready(self) -> None:
        """Raise Fatal when the key, the folder or the device cannot work."""
        me = str((await self._rest.get("/rest/system/status")).get("myID", ""))
        folder = await self._rest.find(
            f"/rest/config/folders/{quote(self._address.folder, safe='')}"
        )
        if folder is None:
            raise Fatal(f"Syncthing has no folder '{self._address.folder}'")
        check_folder(folder, device=self._address.device, me=me)

    async def scan(self, path: str) -> None:
        """Have one path (re)scanned; returns when that is done."""
        await self._rest.act("/rest/db/scan", self._of_folder(sub=path))

    async def holdings(self, pending: Sequence[StagedFile]) -> Mapping[StagedFile, Holding]:
        """Answer what the phone has of each file."""
        if not pending:
            return {}
        completion = await self._rest.find("/rest/db/completion", self._of_device())
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
        status = await self._rest.get("/rest/db/status", self._of_folder())
        if not status.get("needDeletes"):
            return {}
        rows = await self._rest.pages("/rest/db/need", self._of_folder())
        return {
            str(row["name"]): Freed(parse_time(row.get("modified")))
            for row in rows
            if row.get("deleted") and row.get("modifiedBy") == self._author
        }

    async def phone_seen(self) -> datetime | None:
        """Answer now while the phone is connected, else when it was last seen."""
        device = self._address.device
        links = mapping((await self._rest.get("/rest/system/connections")).get("connections"))
        if mapping(links.get(device)).get("connected"):
            return self._now()
        seen = mapping((await self._rest.get("/rest/stats/device")).get(device)).get("lastSeen")
        moment = parse_time(seen) if seen else None
        # Go's zero time and the epoch both mean: never
        return moment if moment and moment.year > 1970 else None

    async def wait_for_change(self, within: timedelta) -> bool:
        """Long-poll the events that can follow from the phone; a restart of Syncthing starts anew."""
        started_at = str((await self._rest.get("/rest/system/status")).get("startTime", ""))
        if started_at != self._started_at:
            self._started_at, self._events_since = started_at, 0
        seconds = max(1, int(within.total_seconds()))
        query = {"since": self._events_since, "timeout": seconds, "events": _WAKING_EVENTS}
        events = await self._rest.poll("/rest/events", query, seconds + _POLL_SLACK_S)
        if not events:
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
        answer = await self._rest.find("/rest/db/file", self._of_folder(file=file.path))
        if answer is None:
            return NotYet(Lack.NOT_SCANNED)
        return holding_of(file, answer, device=self._address.device)

    async def _needed_by_phone(self) -> set[str]:
        rows = await self._rest.pages("/rest/db/remoteneed", self._of_device())
        return {str(row["name"]) for row in rows}

    def _of_folder(self, **more: str) -> dict[str, Any]:
        return {"folder": self._address.folder, **more}

    def _of_device(self) -> dict[str, Any]:
        return self._of_folder(device=self._address.device)
