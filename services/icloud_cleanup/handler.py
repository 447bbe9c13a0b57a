"""Puts assets into the album, takes vetoed ones back, removes the local files of deleted ones; the deletion itself is in `deleting`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from shared.domain.errors import PhotoductError, Transient
from shared.domain.events import AlbumAdded, AlbumReturned, AlbumVetoed, Purged, PurgeKept
from shared.domain.questions import ClaimedPurge, ClaimPurge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.icloud_cleanup.library import Library
    from services.icloud_cleanup.ports import Ask, Clock, KeepAlbum
    from shared.domain.events import Report
    from shared.domain.work_items import AssetWork


class AlbumHandler:
    """The local files to `delete_pending/`, the asset into the album."""

    def __init__(self, *, library: Library, album: KeepAlbum, clock: Clock) -> None:
        self._library = library
        self._album = album
        self._clock = clock

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Report `AlbumAdded`, or `AlbumVetoed` for what the person took out; raises Waiting, Transient, Permanent."""
        if work.was_pending and not await self._album.holds(work.asset):
            return [work.outcome(AlbumVetoed, at=self._clock.now())]
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
    """The local files of a deleted asset are removed, as far and as long as the state service permits it at this moment."""

    def __init__(self, *, library: Library, ask: Ask, clock: Clock) -> None:
        self._library = library
        self._ask = ask
        self._clock = clock

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Report `Purged` or `PurgeKept`; raises Waiting, Permanent, and Transient when the permit ran out meanwhile.

        Every file is read first, for that may outlast a permit. What is gone when something stops it is reported first:
        that files are gone is a fact, whatever comes next.
        """
        proven = {
            file.media: await asyncio.to_thread(self._library.examine, file) for file in work.files
        }
        question = ClaimPurge(asset=work.asset, attempt=work.attempt)
        claimed = await self._ask("claim_purge", question, ClaimedPurge)
        if claimed.deadline is None:
            return [work.outcome(PurgeKept, at=self._clock.now(), reasons=claimed.reasons)]
        permitted = partial(self._still_permitted, claimed.deadline)
        gone: list[int] = []
        for media in (file.media for file in work.files if file.media in claimed.media):
            try:
                await asyncio.to_thread(self._library.purge, proven[media], permitted)
            except PhotoductError:
                if not gone:
                    raise
                break  # the state service asks for the rest again
            gone.append(media)
        return [work.outcome(Purged, at=self._clock.now(), media=tuple(gone))]

    def _still_permitted(self, deadline: datetime) -> None:
        if self._clock.now() >= deadline:
            raise Transient("the permit to remove the local files ran out; the rest was left")
