"""The one signed-in HTTP client that requests to iCloud go through; it renews the session itself, but never with a password.

CloudKit and downloads use httpx with the cookies that pyicloud's sign-in stored: pyicloud's own client rewrites the session
file at every answer, which two services cannot share, turns some error codes into strings, and cannot stream with timeouts.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from shared.adapters.icloud_signin import SignedIn, quiet_loggers, resume
from shared.adapters.icloud_signin_errors import waiting_for_sign_in
from shared.domain.errors import Fatal, Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.adapters.icloud_settings import ICloudSettings

_CONNECTIONS = 32


class ICloudSession:
    """A session that is opened when first needed, so that a service can start before the person has signed in."""

    def __init__(self, settings: ICloudSettings, client: httpx.AsyncClient) -> None:
        self.settings = settings
        self.client = client
        self._signed: SignedIn | None = None
        self._turn = asyncio.Lock()
        self._refused: tuple[int, str] | None = None

    async def signed(self) -> SignedIn:
        """Return the session; raises Waiting while a person has to sign in or iCloud cannot be reached."""
        return self._signed or await self.renew(None)

    async def renew(self, stale: SignedIn | None) -> SignedIn:
        """Return a session other than `stale`; many callers with one stale session cause one renewal."""
        async with self._turn:
            if self._signed is None or self._signed is stale:
                self._signed = None
                self._signed = await self._resume(anew=stale is not None)
                self._carry(self._signed)
            return self._signed

    async def _resume(self, *, anew: bool) -> SignedIn:
        """Resume the stored session; a refusal stands until the stored session changes, so that Apple is not pestered."""
        stamp = self._stamp()
        if self._refused is not None and self._refused[0] == stamp:
            raise waiting_for_sign_in(self._refused[1])
        try:
            return await asyncio.to_thread(resume, self.settings, anew=anew)
        except Waiting as error:
            if error.attention == "icloud-session":
                self._refused = (self._stamp(), str(error))
            raise

    def _stamp(self) -> int:
        paths = self.settings.session_dir.glob("*.session")
        return max((path.stat().st_mtime_ns for path in paths), default=0)

    def _carry(self, signed: SignedIn) -> None:
        self.client.headers.update(signed.headers)
        self.client.cookies.jar.clear()
        for cookie in signed.cookies:
            self.client.cookies.jar.set_cookie(cookie)


@asynccontextmanager
async def open_session(settings: ICloudSettings) -> AsyncIterator[ICloudSession]:
    """Open the client; it asks Apple for nothing before the first request."""
    quiet_loggers()
    async with httpx.AsyncClient(
        verify=_trust(settings),
        timeout=httpx.Timeout(settings.timeout, connect=15, pool=None),
        limits=httpx.Limits(max_connections=_CONNECTIONS),
        follow_redirects=False,
    ) as client:
        yield ICloudSession(settings, client)


def _trust(settings: ICloudSettings) -> ssl.SSLContext:
    bundle = settings.ca_bundle
    try:
        return ssl.create_default_context(cafile=str(bundle) if bundle else None)
    except OSError as error:  # ssl.SSLError is one
        raise Fatal(f"icloud.ca_bundle: {bundle} cannot be used ({error.strerror})") from error
