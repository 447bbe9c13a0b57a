"""Remembers for minutes what iCloud said of an asset, addresses included; what is too old is looked up again."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.icloud_records import FileOf, change_tag, files, record_json
from shared.ports.icloud import WholeAsset

if TYPE_CHECKING:
    from datetime import datetime

    from services.downloader.ports import Clock, ReadRecords
    from services.downloader.settings import DownloaderSettings
    from shared.ports.icloud import Json


@dataclass(frozen=True, slots=True)
class Known:
    """An asset as iCloud showed it at `at`."""

    at: datetime
    change_tag: str
    files: tuple[FileOf, ...]
    record: bytes
    """Both records as canonical JSON."""

    @property
    def whole(self) -> WholeAsset:
        """Both records, without the addresses of their files."""
        records = json.loads(self.record)
        return WholeAsset(records["asset"], records["master"])


class KnownAssets:
    """A bounded memory, the least recently learnt forgotten first."""

    def __init__(self, records: ReadRecords, clock: Clock, settings: DownloaderSettings) -> None:
        self._records = records
        self._clock = clock
        self._limit = settings.remembered_assets
        self._age = timedelta(minutes=settings.url_minutes)
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Known | None]] = {}

    def learn(self, name: str, asset: Json, master: Json | None) -> Known:
        """Remember what was just listed or looked up."""
        known = Known(
            self._clock.now(),
            change_tag(asset, master),
            files(asset, master)[0],
            record_json(asset, master),
        )
        self._known.pop(name, None)
        self._known[name] = known
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        return known

    def recall(self, name: str) -> Known | None:
        """Return what is remembered and still good."""
        known = self._known.get(name)
        return known if known and self._clock.now() - known.at < self._age else None

    async def look_up(self, name: str) -> Known | None:
        """Ask iCloud now; None when the asset is gone. Raises Waiting, Unanswered, Declined.

        The files of one asset are wanted at the same time: one question answers them all.
        """
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.ensure_future(self._look_up(name))
            asking.add_done_callback(lambda done: self._answered(name, done))
        return await asyncio.shield(asking)

    def _answered(self, name: str, done: asyncio.Future[Known | None]) -> None:
        del self._asking[name]
        if not done.cancelled():
            done.exception()  # seen, even when everybody who asked was cancelled

    async def _look_up(self, name: str) -> Known | None:
        whole = await self._records.whole(name)
        if whole.asset is None:
            self._known.pop(name, None)
            return None
        return self.learn(name, whole.asset, whole.master)
