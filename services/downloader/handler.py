"""Brings one resource of an asset to `backup/`, its bytes proven; it never replaces a file and deletes none but its own partial one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.downloader.fetching import CHANGED, GONE, Changed
from shared.adapters.icloud_refreshing import refreshed, shown
from shared.adapters.publishing import commit, publish
from shared.domain.errors import Permanent
from shared.domain.events import AssetRefreshed, Downloaded, Failed
from shared.domain.icloud_records import record_json, tag_of
from shared.domain.ids import Area, Resource
from shared.domain.xmp import sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.downloader.known import Known, KnownAssets
    from services.downloader.library import Found, Library
    from services.downloader.ports import Clock, Receive
    from shared.domain.events import Report
    from shared.domain.work_items import DownloadWork
    from shared.ports.files import Published


class DownloadHandler:
    """One resource in, one `Downloaded` out, or `AssetRefreshed` and `Failed`; the same work again finds its file and is done."""

    def __init__(
        self, *, library: Library, known: KnownAssets, receive: Receive, clock: Clock
    ) -> None:
        self._library = library
        self._known = known
        self._receive = receive
        self._clock = clock

    async def __call__(self, work: DownloadWork) -> Sequence[Report]:
        """Download, verify and publish; raises Waiting, Transient, Permanent."""
        place = await asyncio.to_thread(self._library.find, work)
        with self._library.room(place.part):
            found = place.published or await self._bring(work, place)
        if isinstance(found, AssetRefreshed):
            return [found, self._changed(work)]
        return [
            work.outcome(
                Downloaded,
                at=self._clock.now(),
                sha256=found.sha256,
                size=found.size,
                area=Area.BACKUP,
                path=work.path,
            )
        ]

    async def _bring(self, work: DownloadWork, place: Found) -> Published | AssetRefreshed:
        if work.resource.is_metadata:
            return await self._metadata(work, place.target)
        try:
            return await self._file(work, place)
        except Changed as changed:  # the feed may never list it: only the original's record changed
            news = shown(changed.known.whole, zone=work.zone, at=changed.known.at)
            if news is None:
                raise
            return news

    def _changed(self, work: DownloadWork) -> Report:
        now = self._clock.now()
        return work.outcome(Failed, at=now, lasting="permanent", reason=CHANGED)

    async def _metadata(self, work: DownloadWork, target: Path) -> Published | AssetRefreshed:
        """Write what iCloud's records say, or return them as they are now when only the original's has changed."""
        tag = tag_of(work.checksum)
        known = self._known.recall(work.asset)
        if known is None or known.change_tag != tag:
            known = await self._look_up(work)
        if known.change_tag != tag:
            news = refreshed(known.whole, known_tag=tag, zone=work.zone, at=known.at)
            if news is not None:
                return news
            raise Permanent(CHANGED)
        return await asyncio.to_thread(_publish, known, work, target)

    async def _file(self, work: DownloadWork, place: Found) -> Published:
        digest = await self._receive(work, place.part)
        return await asyncio.to_thread(
            commit,
            place.part,
            place.target,
            size=work.size,
            sha256=digest.sha256,
            mtime=work.created.timestamp(),
        )

    async def _look_up(self, work: DownloadWork) -> Known:
        known = await self._known.look_up(work.asset, work.zone)
        if known is None:
            raise Permanent(GONE)
        return known


def _publish(known: Known, work: DownloadWork, target: Path) -> Published:
    """Make the file of an asset's records and put it in its place; blocks."""
    whole = known.whole
    if work.resource is Resource.SIDECAR:
        data = sidecar(whole.asset or {}, whole.master, work.albums)
    else:
        data = record_json(whole.asset or {}, whole.master, work.albums)
    return publish([data], target, size=len(data), mtime=work.created.timestamp())
