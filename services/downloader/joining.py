"""Joins the two records of each asset of a page, wherever the other one is; a missing one costs its asset, not the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.icloud_records import SortedPage, asset_seen, master_name, sort_page
from shared.ports.icloud import Declined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.downloader.known import KnownAssets
    from services.downloader.ports import ReadRecords
    from shared.domain.events import AssetSeen
    from shared.ports.icloud import ChangePage, Json, LookedUp


class Joiner:
    """Joins page by page. A master that is not on its asset's page is looked up, so that a join never hangs on memory."""

    def __init__(self, records: ReadRecords, known: KnownAssets, zone: str) -> None:
        self._records = records
        self._known = known
        self._zone = zone
        self._previous: Mapping[str, Json] = {}

    def begin(self) -> None:
        """Forget the page before: a new look begins."""
        self._previous = {}

    async def join(self, page: ChangePage) -> tuple[tuple[AssetSeen, ...], tuple[str, ...]]:
        """Return the page's assets and the names of what is gone; raises Waiting, Unanswered, Declined."""
        sorted_page = sort_page(page.records)
        assets, gone = await self._complete(sorted_page)
        masters = await self._masters(sorted_page, assets)
        seen = []
        for name, asset in assets.items():
            master = masters.get(master_name(asset))
            self._known.learn(name, asset, master)
            seen.append(asset_seen(asset, master, self._zone))
        return tuple(seen), (*sorted_page.gone, *gone)

    async def _complete(self, page: SortedPage) -> tuple[dict[str, Json], tuple[str, ...]]:
        """Look up the assets of which the feed shows only some fields."""
        partial = [name for name, asset in page.assets.items() if not master_name(asset)]
        if not partial:
            return page.assets, ()
        answer = await self._lookup(partial)
        whole = {n: a for n, a in page.assets.items() if n not in answer.missing}
        return whole | dict(answer.found), tuple(sorted(answer.missing))

    async def _masters(self, page: SortedPage, assets: Mapping[str, Json]) -> dict[str, Json]:
        near = {**self._previous, **page.masters}
        self._previous = page.masters
        wanted = {master_name(asset) for asset in assets.values()} - near.keys() - {""}
        if not wanted:
            return near
        return near | dict((await self._lookup(sorted(wanted))).found)

    async def _lookup(self, names: Sequence[str]) -> LookedUp:
        """Look records up; one of which iCloud does not say whether it exists ends the look, which is repeated from the old token."""
        answer = await self._records.lookup(names)
        for name, reason in sorted(answer.failed.items()):
            raise Declined(f"{reason} ({name})", code="LOOKUP")
        return answer
