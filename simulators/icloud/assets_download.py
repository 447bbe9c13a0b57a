"""Serves the bytes of resources, files or numbers, and only reads; without cookies it serves none."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.clock import Clock
from simulators.icloud.delivery import Delivery, not_satisfiable, wanted
from simulators.icloud.digests import Digests
from simulators.icloud.download_urls import ExpiredUrl, ForgedUrl, Target, UrlSigner, url_form
from simulators.icloud.faults import Download, Fault, Script, with_assets
from simulators.icloud.gate import ERROR_BODY
from simulators.icloud.line import Line
from simulators.icloud.records import Resource
from simulators.icloud.setup_pages import is_signed_in
from simulators.icloud.world import World

_DOES = frozenset(get_args(Download))


@dataclass(frozen=True)
class DownloadPages:
    """The content host."""

    account: Account
    world: World
    digests: Digests
    signer: UrlSigner
    clock: Clock
    line: Line
    script: Script

    def routes(self) -> list[Route]:
        """The one page; the last part of the path is whatever the client put for `${f}`."""
        return [Route("/B/{checksum}/{name:path}", self.download)]

    async def download(self, request: Request) -> Response:
        """Send a resource: 410 for an old address, 500 for a file with a fault."""
        if not is_signed_in(self.account, request):
            return PlainTextResponse(ERROR_BODY)
        try:
            target = self.signer.read(
                request.path_params["checksum"], request.url.query, self.clock() // 1000
            )
        except ExpiredUrl:
            return PlainTextResponse("Gone", status_code=410)
        except ForgedUrl:
            return PlainTextResponse("Forbidden", status_code=403)
        return await self._send(target, request)

    async def _send(self, target: Target, request: Request) -> Response:
        resource = await self._find(target)
        if resource is None:
            return PlainTextResponse("Not Found", status_code=404)
        content = resource.content
        if resource.fault or (
            isinstance(content, Path) and not await asyncio.to_thread(content.is_file)
        ):
            return PlainTextResponse("Internal Server Error", status_code=500)
        size = self.digests.of(content).size
        fault = self._fault(target, request)
        asked = "" if fault and fault.do == "ignore_range" else request.headers.get("range", "")
        stretch = wanted(asked, size)
        if stretch is None:
            return not_satisfiable(size)
        return Delivery(content, stretch, self.line, url_form(target.checksum), fault)

    def _fault(self, target: Target, request: Request) -> Fault | None:
        names = with_assets(self.script, self.world, {target.record})
        fault = self.script.strike("download", names, _DOES)
        if fault:
            request.scope["exchange"].fault = fault.do
        return fault

    async def _find(self, target: Target) -> Resource | None:
        for zone in self.world.zones():
            record = zone.get(target.record)
            found = record.resources().get(target.field) if record else None
            if found is None:
                continue
            await self.digests.ensure([found.content])
            if self.digests.of(found.content).checksum == target.checksum:
                return found
        return None
