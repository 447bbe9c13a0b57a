"""Streams one file from iCloud into its partial file, resuming what an earlier try left; it gives nothing a final name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.downloader.partial import Partial
from shared.ports.files import WrongLength

if TYPE_CHECKING:
    from pathlib import Path

    from services.downloader.ports import Fetch
    from shared.domain.icloud_checksum import StreamDigest
    from shared.ports.icloud import Incoming


async def receive(fetch: Fetch, url: str, path: Path, *, size: int, checksum: str) -> StreamDigest:
    """Bring `path` to `size` bytes that match Apple's checksum and return their digests.

    Raises UrlExpired, WrongLength, Transient, DiskFull, DiskTrouble, Waiting.
    """
    partial = Partial(path, size)
    try:
        await asyncio.to_thread(partial.open)
        if partial.digest.size < size:
            async with fetch(url, partial.digest.size) as incoming:
                await _take(incoming, partial)
        return await asyncio.to_thread(partial.finished, checksum)
    finally:
        partial.close()


async def _take(incoming: Incoming, partial: Partial) -> None:
    if incoming.start + incoming.length != partial.size:  # an error page, before it costs a byte
        raise WrongLength(
            f"iCloud offers {incoming.start + incoming.length} bytes instead of {partial.size}"
        )
    if incoming.start != partial.digest.size:
        await asyncio.to_thread(partial.restart)
    if incoming.start > 0 and incoming.start != partial.digest.size:
        raise WrongLength("iCloud sent another part of the file than was asked for")
    async for chunk in incoming.chunks:
        await asyncio.to_thread(partial.write, chunk)
