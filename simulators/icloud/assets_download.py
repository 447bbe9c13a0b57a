"""Serves the bytes of resources, straight from disk and read-only; without cookies it serves none."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.clock import Clock
from simulators.icloud.digests import Digests
from simulators.icloud.download_urls import ExpiredUrl, ForgedUrl, Target, UrlSigner
from simulators.icloud.records import Resource
from simulators.icloud.setup_pages import is_signed_in
from simulators.icloud.zone import Zone

# What Apple sends, with status 200, to a request without cookies: 17 bytes.
_NO_COOKIES = "Invalid signature"


class _Stream(FileResponse):
    """A file sent in pieces of a megabyte; ranges are answered as HTTP has them."""

    chunk_size = 1 << 20


@dataclass(frozen=True)
class DownloadPages:
    """The content host."""

    account: Account
    zones: tuple[Zone, ...]
    digests: Digests
    signer: UrlSigner
    clock: Clock

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
        return await self._send(target)

    async def _send(self, target: Target) -> Response:
        resource = self._find(target)
        if resource is None:
            return PlainTextResponse("Not Found", status_code=404)
        if resource.fault or not await asyncio.to_thread(resource.path.is_file):
            return PlainTextResponse("Internal Server Error", status_code=500)
        kind = "application/octet-stream"
        return _Stream(resource.path, media_type=kind)

    def _find(self, target: Target) -> Resource | None:
        for zone in self.zones:
            record = zone.get(target.record)
            found = record.resources().get(target.field) if record else None
            if found and self.digests.of(found.path).checksum == target.checksum:
                return found
        return None
