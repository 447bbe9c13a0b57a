"""Streams one file from iCloud; it writes nothing and never holds more than a chunk."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from shared.adapters.icloud_signin_errors import unreachable
from shared.adapters.icloud_transport import slow
from shared.domain.errors import Transient
from shared.ports.icloud import Incoming, UrlExpired

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.adapters.icloud_session import ICloudSession

_CHUNK = 1 << 20
_EXPIRED = frozenset({401, 403, 404, 410, 421})
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class ICloudDownload:
    """Fetches the bytes behind the addresses that records carry."""

    def __init__(self, session: ICloudSession) -> None:
        self._session = session

    @asynccontextmanager
    async def __call__(self, url: str, start: int) -> AsyncIterator[Incoming]:
        """Open the file at byte `start`, or at 0 where the server prefers that.

        Raises UrlExpired, Waiting, and Transient, the latter also while the chunks are read.
        """
        if not url.startswith("https://"):
            raise UrlExpired("iCloud gave no address to download from")
        await self._session.signed()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            async with self._session.client.stream("GET", url, headers=headers) as response:
                _check_status(response)
                yield _incoming(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable() from error
        except httpx.HTTPError as error:
            raise Transient(f"the download broke off ({type(error).__name__})") from error


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in _EXPIRED:
        raise UrlExpired(f"iCloud no longer serves this address ({status})")
    if status in (429, 503):
        raise slow(response)
    if status not in (200, 206):
        raise Transient(f"iCloud answered the download with an error ({status})")


def _incoming(response: httpx.Response) -> Incoming:
    length = response.headers.get("Content-Length", "")
    if not length.isdigit():
        raise Transient("iCloud did not say how long the file is")
    return Incoming(_start(response), int(length), response.aiter_bytes(_CHUNK))


def _start(response: httpx.Response) -> int:
    if response.status_code == 200:
        return 0
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None:
        raise Transient("iCloud sent a part of the file and did not say which")
    return int(found.group(1))
