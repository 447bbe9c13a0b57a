"""Serves the bytes of resources, files or numbers, and only reads; without cookies it serves none."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.clock import Clock
from simulators.icloud.delivery import Delivery, not_satisfiable, wanted
from simulators.icloud.digests import Digests
from simulators.icloud.download_urls import ExpiredUrl, ForgedUrl, Target, UrlSigner, url_form
from simulators.icloud.line import Line
from simulators.icloud.records import Resource
from simulators.icloud.setup_pages import is_signed_in
from simulators.icloud.world import World

# What Apple sends, with status 200, to a request without cookies: 17 bytes.
_NO_COOKIES = "Invalid signature"


@dataclass(frozen=True)
class DownloadPages:
    """The content host."""

    account: Account
    world: World
    digests: Digests
    signer: UrlSigner
    clock: Clock
    line: Line

    def routes(self) -> list[Route]:
        """The one page; the last part of the path is whatever the client put for `${f}`."""
        return [Route("/B/{checksum}/{name:path}", self.download)]

    async def download(self, request: Request) -> Response:
        """Send a resource: 410 for an old address, 500 for a file with a fault."""
        if not is_signed_in(self.account, request):
            return PlainTextResponse(_NO_COOKIES)
        try:
            target = self.signer.read(
                request.path_params["checksum"], request.url.query, self.clock() // 1000
            )
        except ExpiredUrl:
            return PlainTextResponse("Gone", status_code=410)
        except ForgedUrl:
            return PlainTextResponse("Forbidden", status_code=403)
        return await self._send(target, request.headers.get("range", ""))

    async def _send(self, target: Target, asked: str) -> Response:
        resource = await self._find(target)
        if resource is None:
            return PlainTextResponse("Not Found", status_code=404)
        content = resource.content
        if resource.fault or (
            isinstance(content, Path) and not await asyncio.to_thread(content.is_file)
        ):
            return PlainTextResponse("Internal Server Error", status_code=500)
        size = self.digests.of(content).size
        stretch = wanted(asked, size)
        if stretch is None:
            return not_satisfiable(size)
        return Delivery(content, stretch, self.line, url_form(target.checksum))

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
