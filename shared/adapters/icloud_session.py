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

from shared.adapters.icloud_signin_client import quiet_loggers
from shared.adapters.icloud_signin_resuming import SignedIn, resume
from shared.domain.errors import Fatal

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

    async def signed(self) -> SignedIn:
        """Return the session; raises Waiting while a person has to sign in or iCloud cannot be reached."""
        return self._signed or await self.renew(None)

    async def renew(self, stale: SignedIn | None) -> SignedIn:
        """Return a session other than `stale`; many callers with one stale session, in any process, cause one renewal."""
        async with self._turn:
            if self._signed is None or self._signed is stale:
                self._signed = None
                generation = stale.generation if stale is not None else None
                self._signed = await asyncio.to_thread(resume, self.settings, stale=generation)
                carry(self.client, self._signed)
            return self._signed


def carry(client: httpx.AsyncClient, signed: SignedIn) -> None:
    """Let a client's requests be the signed-in person's."""
    client.headers.update(signed.headers)
    client.cookies.jar.clear()
    for cookie in signed.cookies:
        client.cookies.jar.set_cookie(cookie)


@asynccontextmanager
async def open_session(settings: ICloudSettings) -> AsyncIterator[ICloudSession]:
    """Open the client; it asks Apple for nothing before the first request."""
    quiet_loggers()
    async with httpx.AsyncClient(
        verify=trust(settings),
        timeout=httpx.Timeout(settings.timeout, connect=15, pool=None),
        limits=httpx.Limits(max_connections=_CONNECTIONS),
        follow_redirects=False,
    ) as client:
        yield ICloudSession(settings, client)


def trust(settings: ICloudSettings) -> ssl.SSLContext:
    """Return whom to trust; Fatal when `icloud.ca_bundle` cannot be read."""
    bundle = settings.ca_bundle
    try:
        return ssl.create_default_context(cafile=str(bundle) if bundle else None)
    except OSError as error:  # ssl.SSLError is one
        raise Fatal(f"icloud.ca_bundle: {bundle} cannot be used ({error.strerror})") from error
