"""Remembers for minutes what iCloud said of an asset, addresses included; what is too old is looked up again."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from services.downloader.lookups import Lookups
from shared.domain.icloud_records import FileOf, change_tag, files, record_json
from shared.domain.ids import asset_id, record_of
from shared.ports.icloud import WholeAsset

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.downloader.ports import Clock, Zones
    from services.downloader.settings import DownloaderSettings
    from shared.ports.icloud import Json


@dataclass(frozen=True, slots=True)
class Known:
    """An asset as iCloud showed it at `at`."""

    at: datetime
    change_tag: str
    files: tuple[FileOf, ...]
    packed: bytes
    """Both records as canonical JSON, compressed."""

    @property
    def whole(self) -> WholeAsset:
        """Both records, without the addresses of their files."""
        records = json.loads(zlib.decompress(self.packed))
        return WholeAsset(records["asset"], records["master"])


class KnownAssets:
    """A bounded memory, the least recently learnt forgotten first; `hungry` says whether a download could begin at once."""

    def __init__(
        self,
        zones: Zones,
        clock: Clock,
        settings: DownloaderSettings,
        hungry: Callable[[], bool] = lambda: True,
    ) -> None:
        self._zones = zones
        self._clock = clock
        self._limit = settings.remembered_assets
        self._age = timedelta(minutes=settings.url_minutes)
        self._hungry = hungry
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lookups: dict[str, Lookups[Known | None]] = {}

    def learn(self, name: str, asset: Json, master: Json | None) -> Known:
        """Remember what was just listed or looked up."""
        known = Known(
            self._clock.now(),
            change_tag(asset, master),
            files(asset, master)[0],
            zlib.compress(record_json(asset, master), 1),
        )
        self._known.pop(name, None)
        self._known[name] = known
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        return known

    def recall(self, name: str) -> Known | None:
        """Return what is remembered and still good."""
        known = self._known.get(name)
        return known if known and self.is_fresh(known) else None

    def is_fresh(self, known: Known) -> bool:
        """Say whether the addresses of what iCloud said then count as good now."""
        return self._clock.now() - known.at < self._age

    def forget(self, name: str, stale: Known) -> None:
        """Forget what turned out to be wrong, unless something newer was learnt meanwhile."""
        if self._known.get(name) is stale:
            del self._known[name]

    async def look_up(self, name: str, zone: str, *, urgent: bool = True) -> Known | None:
        """Ask iCloud now, together with others; None when the asset is gone. Raises Waiting, Unanswered, Declined."""
        if zone not in self._lookups:
            records = await self._zones.records(zone)
            self._lookups[zone] = Lookups(records, self._hungry, partial(self._learnt, zone))
        return await self._lookups[zone].whole(record_of(name), urgent=urgent)

    def _learnt(self, zone: str, record: str, whole: WholeAsset) -> Known | None:
        name = asset_id(zone, record)
        if whole.asset is None:
            self._known.pop(name, None)
            return None
        return self.learn(name, whole.asset, whole.master)
