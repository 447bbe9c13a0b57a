"""Plays a Syncthing pair in one process, for machines without Syncthing; it copies real bytes and invents none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from simulators.phone.identity import ensure_identity
from simulators.phone.pair import FOLDER_ID, Endpoint
from simulators.phone.real import first_time_marker
from simulators.phone.standin_disks import Disks, MarkerMissingError
from simulators.phone.standin_index import Index, Side, as_json
from simulators.phone.standin_rest import rest_routes
from simulators.phone.web import WebServer

if TYPE_CHECKING:
    from starlette.routing import Route

    from simulators.phone.options import Options
    from simulators.phone.ports_kept import KeptPorts

_STEP_S = 0.05
_PHONE_LOOK_S = 1.0
_KEPT_EVENTS = 1000


class StandInPair:
    """The server's REST interface and a phone that pulls from it."""

    def __init__(self, options: Options, ports: KeptPorts, api_key: str) -> None:
        self.phone_folder = options.run_dir / "phone"
        self.server_folder = options.server_folder
        self._homes = options.run_dir / "syncthing-server", options.run_dir / "syncthing-phone"
        self.server_id, self.phone_id = map(ensure_identity, self._homes)
        self.api_key = api_key
        self.started_at = time.time()
        self.online = True
        self.last_seen = 0.0
        self.events: deque[dict[str, Any]] = deque(maxlen=_KEPT_EVENTS)
        self.news = asyncio.Event()
        self.index = Index(options.run_dir / "index.jsonl")
        self._port, self._host = ports.port("rest", options.port), options.host
        self._disks = Disks(
            self.index, (self.server_folder, self.server_id), (self.phone_folder, self.phone_id)
        )
        # one hand at a time on the index and the disks
        self._hand = asyncio.Lock()
        self._web: WebServer | None = None
        self._phone_life: asyncio.Task[None] | None = None
        self._to_pull: set[str] = set()

    @property
    def truth_url(self) -> str:
        """Where /truth answers: the REST port."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self, extra: list[Route]) -> Endpoint:
        """Index both folders, serve, and let the phone live."""
        first_time_marker(self.server_folder, self._homes[0] / "marked")
        first_time_marker(self.phone_folder, self._homes[1] / "marked")
        # a missing marker stops every scan and no start, as with Syncthing
        with contextlib.suppress(MarkerMissingError):
            await self.scan("")
        self._to_pull |= {path for path, _ in self.index.items(Side.SERVER)}
        await self.set_online(True)
        self._web = WebServer([*rest_routes(self), *extra], self._port, self._host)
        await self._web.start()
        self._phone_life = asyncio.create_task(self._live())
        return Endpoint(self.truth_url, self.api_key, FOLDER_ID, self.phone_id, "standin")

    async def stop(self) -> None:
        """End the phone's life and the server."""
        if self._phone_life is not None:
            self._phone_life.cancel()
            await asyncio.wait([self._phone_life])
        if self._web is not None:
            await self._web.stop()

    async def scan(self, sub: str) -> None:
        """Scan on the server's side; raises MarkerMissingError."""
        async with self._hand:
            changed = await asyncio.to_thread(self._disks.scan_server, sub)
            self._to_pull |= set(changed)

    async def phone_changed(self) -> None:
        """Scan on the phone's side and tell the server when it is connected."""
        async with self._hand:
            await asyncio.to_thread(self._disks.scan_phone)
            self._tell()

    async def set_online(self, online: bool) -> None:
        """Connect or disconnect the phone."""
        self.last_seen = time.time()
        self.online = online
        if online:
            self._happen("DeviceConnected", {"id": self.phone_id})

    async def _live(self) -> None:
        next_look = 0.0
        while True:
            await asyncio.sleep(_STEP_S)
            if time.monotonic() >= next_look:
                await self.phone_changed()
                next_look = time.monotonic() + _PHONE_LOOK_S
            if self.online:
                self.last_seen = time.time()
                await self._pull_one_round()

    async def _pull_one_round(self) -> None:
        for path in sorted(self._to_pull):
            async with self._hand:
                if not self.online:
                    return
                self._to_pull.discard(path)
                await asyncio.to_thread(self._disks.bring, path)
                self._tell()

    def _tell(self) -> None:
        """Send the phone's index to the server."""
        if not self.online:
            return
        news = [
            self.index.put(Side.TOLD, path, entry)
            for path, entry in self.index.items(Side.PHONE)
            if (told := self.index.get(Side.TOLD, path)) is None or told.version != entry.version
        ]
        if news:
            data = {"device": self.phone_id, "folder": FOLDER_ID, "items": len(news)}
            self._happen("RemoteIndexUpdated", data)
            self._happen("FolderCompletion", data)

    def _happen(self, kind: str, data: dict[str, Any]) -> None:
        number = self.events[-1]["id"] + 1 if self.events else 1
        self.events.append({"id": number, "globalID": number, "type": kind, "data": data})
        self.news.set()
        self.news = asyncio.Event()

    def file_json(self, path: str) -> dict[str, Any] | None:
        """Answer `db/file`, or None when the path was never indexed."""
        newest, here = self.index.newest(path), self.index.get(Side.SERVER, path)
        if newest is None:
            return None
        told = self.index.get(Side.TOLD, path)
        holds = self.online and told is not None and told.version == newest.version
        row = {"id": self.phone_id, "fromTemporary": False}
        return {
            "availability": [row] if holds else None,
            "global": as_json(path, newest),
            "local": as_json(path, here) if here else {},
        }
