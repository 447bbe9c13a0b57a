"""Puts assets into the album, takes vetoed ones back, removes the local files of deleted ones; the deletion itself is in `deleting`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared.domain.events import AlbumAdded, AlbumReturned, AssetWork, Purged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.icloud_cleanup.library import Library
    from services.icloud_cleanup.ports import Clock, KeepAlbum
    from shared.domain.events import Report


class AlbumHandler:
    """The local files to `delete_pending/`, the asset into the album."""

    def __init__(self, *, library: Library, album: KeepAlbum, clock: Clock) -> None:
        self._library = library
        self._album = album
        self._clock = clock

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Report `AlbumAdded`; raises Waiting, Transient, Permanent."""
        for file in work.files:
            await asyncio.to_thread(self._library.put_away, file)
        await self._album.add(work.asset)
        return [work.outcome(AlbumAdded, at=self._clock.now())]


class ReturnHandler:
    """The local files of a vetoed asset back to `backup/`."""

    def __init__(self, *, library: Library, clock: Clock) -> None:
        self._library = library
        self._clock = clock

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Report `AlbumReturned`; raises Waiting, Transient, Permanent."""
        for file in work.files:
            await asyncio.to_thread(self._library.bring_back, file)
        return [work.outcome(AlbumReturned, at=self._clock.now())]


class PurgeHandler:
    """The local files of a deleted asset, whose NAS copy the state service has just had verified, are removed."""

    def __init__(self, *, library: Library, clock: Clock) -> None:
        self._library = library
        self._clock = clock

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Report `Purged`; raises Waiting, Transient, and Permanent for a file outside `delete_pending/`."""
        for file in work.files:
            await asyncio.to_thread(self._library.purge, file)
        media = tuple(file.media for file in work.files)
        return [work.outcome(Purged, at=self._clock.now(), media=media)]
