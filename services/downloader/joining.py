"""Joins the two records of each asset of a page, wherever the other one is; a missing one costs its asset, not the page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.downloader.lookups import look_up_patiently
from shared.domain.icloud_records import SortedPage, asset_seen, master_name, sort_page
from shared.domain.ids import asset_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from services.downloader.known import KnownAssets
    from services.downloader.ports import ReadRecords
    from shared.domain.seen import AlbumSeen, AssetSeen, Membership
    from shared.ports.icloud import ChangePage, Json, LookedUp

_PAUSES: Final = (1.0, 3.0)
"""Seconds before a name of which iCloud did not say whether it exists is asked for again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What one page of the change feed says of assets and albums."""

    assets: tuple[AssetSeen, ...] = ()
    gone: tuple[str, ...] = ()
    albums: tuple[AlbumSeen, ...] = ()
    joined: tuple[Membership, ...] = ()
    parted: tuple[Membership, ...] = ()
    owed: frozenset[str] = frozenset()
    """Records of assets that iCloud did not give: they are not told of here, and have to be looked at again."""


class Joiner:
    """Joins page by page. A master that is not on its asset's page is looked up, so that a join never hangs on memory."""

    def __init__(
        self,
        records: ReadRecords,
        known: KnownAssets,
        zone: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._records = records
        self._known = known
        self._zone = zone
        self._sleep = sleep
        self._previous: Mapping[str, Json] = {}

    def begin(self) -> None:
        """Forget the page before: a new look begins."""
        self._previous = {}

    async def join(self, page: ChangePage, owed: Collection[str] = ()) -> Joined:
        """Return what the page says, and what is known by now of assets owed; raises Waiting, Unanswered, Declined."""
        whole, not_given = await self._complete(sort_page(page.records, self._zone), owed)
        masters, failed = await self._masters(whole)
        unsure = {n for n, asset in whole.assets.items() if master_name(asset) in failed}
        seen = [
            self._seen(name, asset, masters.get(master_name(asset)))
            for name, asset in whole.assets.items()
            if name not in unsure
        ]
        return Joined(
            tuple(seen),
            tuple(asset_id(self._zone, name) for name in whole.gone),
            whole.albums,
            whole.joined,
            whole.parted,
            not_given | unsure,
        )

    def _seen(self, name: str, asset: Json, master: Json | None) -> AssetSeen:
        self._known.learn(asset_id(self._zone, name), asset, master)
        return asset_seen(asset, master, self._zone)

    async def _complete(
        self, page: SortedPage, owed: Collection[str]
    ) -> tuple[SortedPage, frozenset[str]]:
        """Look up what the feed shows with an error or with some fields only, and what is owed; return also what is owed then."""
        partial = {name for name, asset in page.assets.items() if not master_name(asset)}
        wanted = partial | page.unread | (set(owed) - page.assets.keys() - set(page.gone))
        if not wanted:
            return page, frozenset()
        answer = await self._lookup(sorted(wanted))
        missing = [{"recordName": name, "deleted": True} for name in sorted(answer.missing)]
        known = {name: asset for name, asset in page.assets.items() if name not in partial}
        more = sort_page([*answer.found.values(), *missing], self._zone)
        whole = SortedPage(
            page.masters | more.masters,
            known | more.assets,
            tuple(dict.fromkeys((*page.gone, *more.gone))),
            page.albums + more.albums,
            page.joined + more.joined,
            page.parted + more.parted,
        )
        return whole, frozenset(answer.failed)

    async def _masters(self, page: SortedPage) -> tuple[dict[str, Json], Collection[str]]:
        """Return the originals' records of the page's assets, and the names of those that iCloud did not give."""
        near = {**self._previous, **page.masters}
        self._previous = page.masters
        wanted = {master_name(asset) for asset in page.assets.values()} - near.keys() - {""}
        if not wanted:
            return near, ()
        answer = await self._lookup(sorted(wanted))
        return near | dict(answer.found), answer.failed.keys()

    async def _lookup(self, names: Sequence[str]) -> LookedUp:
        """Look records up; those of which iCloud does not say whether they exist are asked for again, a few times."""
        return await look_up_patiently(self._records, names, _PAUSES, self._sleep)
