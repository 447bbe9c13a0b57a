"""Brings one resource of an asset to `backup/`, its bytes proven; it never replaces a file and deletes none but its own partial one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.downloader.receiving import receive
from shared.adapters.icloud_refreshing import refreshed
from shared.adapters.publishing import commit, publish
from shared.domain.errors import Permanent
from shared.domain.events import AssetRefreshed, Downloaded, Failed
from shared.domain.ids import Area, Resource
from shared.ports.icloud import UrlExpired

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.downloader.known import Known, KnownAssets
    from services.downloader.library import Library
    from services.downloader.ports import Clock, Fetch
    from shared.domain.events import DownloadWork, Report
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.icloud_records import FileOf
    from shared.ports.files import Published

_CHANGED = (
    "changed in iCloud before it was downloaded; the newer version is handled as its own file"
)


class DownloadHandler:
    """One resource in, one `Downloaded` out, or `AssetRefreshed` and `Failed`; the same work again finds its file and is done."""

    def __init__(self, *, library: Library, known: KnownAssets, fetch: Fetch, clock: Clock) -> None:
        self._library = library
        self._known = known
        self._fetch = fetch
        self._clock = clock

    async def __call__(self, work: DownloadWork) -> Sequence[Report]:
        """Download, verify and publish; raises Waiting, Transient, Permanent."""
        target = await asyncio.to_thread(self._library.target, work)
        there = await asyncio.to_thread(self._library.already, work, target)
        found = there or await self._bring(work, target)
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

    async def _bring(self, work: DownloadWork, target: Path) -> Published | AssetRefreshed:
        bring = self._record if work.resource is Resource.RECORD else self._file
        return await bring(work, target)

    def _changed(self, work: DownloadWork) -> Report:
        now = self._clock.now()
        return work.outcome(Failed, at=now, lasting="permanent", reason=_CHANGED)

    async def _record(self, work: DownloadWork, target: Path) -> Published | AssetRefreshed:
        """Write the asset's two records as JSON, or return them as they are now when only the original's has changed."""
        known = self._known.recall(work.asset)
        if known is None or known.change_tag != work.checksum:
            known = await self._look_up(work)
        if known.change_tag != work.checksum:
            if (news := self._news(work, known)) is not None:
                return news
            raise Permanent(_CHANGED)
        return await asyncio.to_thread(
            publish, [known.record], target, size=len(known.record), mtime=work.created.timestamp()
        )

    def _news(self, work: DownloadWork, known: Known) -> AssetRefreshed | None:
        return refreshed(known.whole, known_tag=work.checksum, zone=work.zone, at=known.at)

    async def _file(self, work: DownloadWork, target: Path) -> Published:
        part = await asyncio.to_thread(self._library.part, work)
        digest = await self._receive(work, part)
        return await asyncio.to_thread(
            commit,
            part,
            target,
            size=work.size,
            sha256=digest.sha256,
            mtime=work.created.timestamp(),
        )

    async def _receive(self, work: DownloadWork, part: Path) -> StreamDigest:
        """Stream the file; an address that has died is looked up once more."""
        known = self._known.recall(work.asset)
        file = _wanted(known, work) if known else None
        if file is not None:
            try:
                return await self._stream(file, part)
            except UrlExpired:
                pass  # the memory was right about the file, not about its address
        file = _wanted(await self._look_up(work), work)
        if file is None:
            raise Permanent(_CHANGED)
        return await self._stream(file, part)

    async def _stream(self, file: FileOf, part: Path) -> StreamDigest:
        return await receive(self._fetch, file.url, part, size=file.size, checksum=file.checksum)

    async def _look_up(self, work: DownloadWork) -> Known:
        known = await self._known.look_up(work.asset)
        if known is None:
            raise Permanent("it was removed from iCloud before it was downloaded")
        return known


def _wanted(known: Known, work: DownloadWork) -> FileOf | None:
    """Return the very file that the work names, by kind, checksum and size."""
    key = (work.resource, work.checksum, work.size)
    return next((f for f in known.files if (f.resource, f.checksum, f.size) == key), None)
