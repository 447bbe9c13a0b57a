"""The second engine: brings files by the icloudpd command, accepts only whole ones, and lets the own engine fetch the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from shared.domain.ids import Kind, Resource

if TYPE_CHECKING:
    from pathlib import Path

    from services.downloader.icloudpd.folder import IcloudpdFolder
    from services.downloader.icloudpd.runs import Runs
    from services.downloader.ports import Receive
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.work_items import DownloadWork

log = structlog.get_logger(__name__)


class IcloudpdFiles:
    """A `Receive`: what to fetch, its name and its report stay the downloader's; only the bytes come from icloudpd."""

    def __init__(self, *, runs: Runs, folder: IcloudpdFolder, own: Receive, zone: str) -> None:
        self._runs = runs
        self._folder = folder
        self._own = own
        self._zone = zone

    async def __call__(self, work: DownloadWork, part: Path) -> StreamDigest:
        """Bring `part` to the whole file that the work names, its size and Apple's checksum proven.

        Raises Waiting while a run is needed or under way, and what the own engine raises.
        """
        if work.zone != self._zone or _never_brought(work):
            return await self._own(work, part)
        digest = await self._take(work, part)
        if digest is None:
            self._runs.require_recent()
            digest = await self._take(work, part)  # it may have come between the two
        return digest or await self._missing(work, part)

    async def _take(self, work: DownloadWork, part: Path) -> StreamDigest | None:
        if not await asyncio.to_thread(self._folder.marker.exists):
            return None  # no run has claimed the folder yet, so that nothing in it is ours
        return await asyncio.to_thread(self._folder.take, work, part)

    async def _missing(self, work: DownloadWork, part: Path) -> StreamDigest:
        """Let icloudpd fetch a torso again, once; fetch what it has not brought at all."""
        doubtful = await asyncio.to_thread(self._folder.doubtful, work)
        if doubtful:
            names = [found.path.name for found in doubtful]
            log.warning("icloudpd left what is not the whole file; removed.", files=names)
            await asyncio.to_thread(self._folder.discard, doubtful)
            self._runs.once_more()
        log.info(
            "icloudpd did not bring a file; photoduct fetches it itself.",
            asset=work.asset,
            resource=work.resource,
        )
        return await self._own(work, part)


def _never_brought(work: DownloadWork) -> bool:
    """Say whether icloudpd has no way to fetch such a file: of edits it knows pictures only."""
    return work.resource is Resource.EDITED and work.kind is Kind.VIDEO
