"""Joins the two records of each asset of a page, wherever the other one is; a missing one costs its asset, not the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.icloud_records import SortedPage, asset_seen, master_name, sort_page
from shared.domain.ids import asset_id
from shared.ports.icloud import Declined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.downloader.known import KnownAssets
    from services.downloader.ports import ReadRecords
    from shared.domain.seen import AlbumSeen, AssetSeen, Membership
    from shared.ports.icloud import ChangePage, Json, LookedUp


@dataclass(frozen=True, slots=True)
class Joined:
    """What one page of the change feed says of assets and albums."""

    assets: tuple[AssetSeen, ...] = ()
    gone: tuple[str, ...] = ()
    albums: tuple[AlbumSeen, ...] = ()
    joined: tuple[Membership, ...] = ()
    parted: tuple[Membership, ...] = ()


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

    async def join(self, page: ChangePage) -> Joined:
        """Return what the page says; raises Waiting, Unanswered, Declined."""
        sorted_page = sort_page(page.records, self._zone)
        assets, gone = await self._complete(sorted_page)
        masters = await self._masters(sorted_page, assets)
        seen = []
        for name, asset in assets.items():
            master = masters.get(master_name(asset))
            self._known.learn(asset_id(self._zone, name), asset, master)
            seen.append(asset_seen(asset, master, self._zone))
        return Joined(
            tuple(seen),
            tuple(asset_id(self._zone, name) for name in (*sorted_page.gone, *gone)),
            sorted_page.albums,
            sorted_page.joined,
            sorted_page.parted,
        )

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
