"""Runs a real Syncthing pair on loopback: the server's send-only side and the phone's; it reaches nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx

from simulators.phone.config_xml import DaemonConfig, DeviceAddress, FolderShare
from simulators.phone.daemon import Daemon
from simulators.phone.identity import ensure_identity
from simulators.phone.pair import FOLDER_ID, Endpoint
from simulators.phone.web import WebServer

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.routing import Route

    from simulators.phone.options import Options
    from simulators.phone.ports_kept import KeptPorts

_PHONE_RESCAN_S = 2


class RealPair:
    """Two `syncthing` processes; "offline" ends the phone's."""

    def __init__(self, program: Path, options: Options, ports: KeptPorts, api_key: str) -> None:
        self.phone_folder = options.run_dir / "phone"
        self._truth_port = ports.port("truth")
        self._homes = options.run_dir / "syncthing-server", options.run_dir / "syncthing-phone"
        server, phone = (
            DeviceAddress(ensure_identity(home), ports.port(f"{home.name}-sync"))
            for home in self._homes
        )
        sends = FolderShare(FOLDER_ID, options.server_folder, "sendonly", 0)
        receives = FolderShare(FOLDER_ID, self.phone_folder, "sendreceive", _PHONE_RESCAN_S)
        rest, phone_rest = ports.port("rest", options.port), ports.port("phone-rest")
        self._server = Daemon(
            program, self._homes[0], DaemonConfig(server, phone, rest, api_key, sends)
        )
        self._phone = Daemon(
            program, self._homes[1], DaemonConfig(phone, server, phone_rest, api_key, receives)
        )
        self._web: WebServer | None = None

    @property
    def truth_url(self) -> str:
        """Where /truth answers."""
        return f"http://127.0.0.1:{self._truth_port}"

    async def start(self, extra: list[Route]) -> Endpoint:
        """Start both processes and the small port for the truth."""
        for home, daemon in zip(self._homes, (self._server, self._phone), strict=True):
            first_time_marker(daemon.config.folder.path, home / "marked")
        self._web = WebServer(extra, self._truth_port)
        await asyncio.gather(self._server.start(), self._phone.start(), self._web.start())
        config = self._server.config
        return Endpoint(self._server.rest_url, config.api_key, FOLDER_ID, config.peer.id, "real")

    async def stop(self) -> None:
        """End both processes and the port."""
        await asyncio.gather(self._server.stop(), self._phone.stop())
        if self._web is not None:
            await self._web.stop()

    async def phone_changed(self) -> None:
        """Scan on the phone's side; while it is offline the next start does that."""
        with contextlib.suppress(httpx.HTTPError):
            await self._phone.post("/rest/db/scan", folder=FOLDER_ID)

    async def set_online(self, online: bool) -> None:
        """Start or end the phone's process."""
        await self._phone.stop()
        if online:
            await self._phone.start()


def first_time_marker(folder: Path, note: Path) -> None:
    """Make Syncthing's folder marker on the first run only: one that goes missing later must be an error."""
    folder.mkdir(parents=True, exist_ok=True)
    if not note.exists():
        (folder / ".stfolder").mkdir(exist_ok=True)
        note.touch()
