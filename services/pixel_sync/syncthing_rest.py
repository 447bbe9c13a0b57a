"""Speaks HTTP with Syncthing and sorts what goes wrong by what comes next; its one POST is a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from services.pixel_sync.syncthing_answers import mapping
from shared.domain.errors import Fatal, Permanent, Transient

if TYPE_CHECKING:
    from datetime import timedelta

_PAGE: Final = 65_536


@dataclass(frozen=True, slots=True)
class SyncthingAddress:
    """Where the server's Syncthing answers, and which folder and phone it is asked about."""

    rest_url: str
    # never in a log line
    api_key: str = field(repr=False)
    folder: str
    device: str


class SyncthingRest:
    """JSON questions with the API key; raises Transient, Permanent or Fatal."""

    def __init__(
        self,
        address: SyncthingAddress,
        request_timeout: timedelta,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._url = address.rest_url
        self._http = httpx.AsyncClient(
            base_url=address.rest_url,
            headers={"X-API-Key": address.api_key},
            timeout=request_timeout.total_seconds(),
            trust_env=False,
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def find(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Answer a JSON object, or None for 404."""
        answer = await self._send(self._http.build_request("GET", path, params=query))
        return None if answer.status_code == 404 else mapping(_json_of(answer))

    async def get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer a JSON object that has to be there."""
        answer = await self.find(path, query)
        if answer is None:
            raise _missing(path)
        return answer

    async def act(self, path: str, query: dict[str, Any]) -> None:
        """POST; returns when Syncthing has done it."""
        answer = await self._send(self._http.build_request("POST", path, params=query))
        if answer.status_code == 404:
            raise _missing(path)

    async def poll(self, path: str, query: dict[str, Any], wait_s: float) -> list[dict[str, Any]]:
        """Answer a JSON list that may be long in coming."""
        request = self._http.build_request("GET", path, params=query, timeout=wait_s)
        answer = await self._send(request)
        found = _json_of(answer) if answer.status_code != 404 else None
        if not isinstance(found, list):
            raise _missing(path)
        return found

    async def pages(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Read every page of a listing; `need` comes in three lists, `remoteneed` in one."""
        rows: list[dict[str, Any]] = []
        page = 0
        while True:
            page += 1
            answer = await self.get(path, {**query, "page": page, "perpage": _PAGE})
            lists = (answer.get(name) or [] for name in ("progress", "queued", "rest", "files"))
            found = [row for rows_of in lists for row in rows_of]
            rows += found
            if len(found) < _PAGE:
                return rows

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._http.send(request)
        except httpx.RequestError as error:
            message = f"Syncthing at {self._url} does not answer: {error!r}"
            raise Transient(message) from error
        _raise_for(answer, request.url.path)
        return answer


def _missing(path: str) -> Permanent:
    return Permanent(f"Syncthing knows nothing at {path}")


def _raise_for(answer: httpx.Response, path: str) -> None:
    status, text = answer.status_code, answer.text.strip()[:200]
    if answer.is_success or status == 404:
        return
    if status in (401, 403):
        raise Fatal(f"Syncthing refuses the API key or the host name ({status} {text})")
    if status >= 500 or status == 429:
        raise Transient(f"Syncthing cannot do {path} now: {text or status}")
    raise Permanent(f"Syncthing refuses {path}: {status} {text}")


def _json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        path = answer.request.url.path
        raise Transient(f"{path} did not answer in JSON: is this Syncthing?") from error
