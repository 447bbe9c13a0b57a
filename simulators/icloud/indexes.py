"""The sorted lists that clients page through by rank; rank 0 is the newest asset."""

from collections.abc import Callable, Iterator

from simulators.icloud.media_types import MOVIE_TYPES
from simulators.icloud.records import Record
from simulators.icloud.zone import Zone

Key = tuple[str, str]
ALL = "CPLAssetAndMasterByAssetDateWithoutHiddenOrDeleted"
ADDED = "CPLAssetAndMasterByAddedDate"
DELETED = "CPLAssetAndMasterDeletedByExpungedDate"
HIDDEN = "CPLAssetAndMasterHiddenByAssetDate"
SMART = "CPLAssetAndMasterInSmartAlbumByAssetDate"
BURSTS = "CPLBurstStackAssetAndMasterByAssetDate"
CONTAINER = "CPLContainerRelationLiveByAssetDate"
CONTAINER_BY_POSITION = "CPLContainerRelationLiveByPosition"
LISTS = frozenset({ALL, ADDED, DELETED, HIDDEN, SMART, BURSTS, CONTAINER, CONTAINER_BY_POSITION})
# HyperionIndexCountLookup names the same lists in another way.
COUNT_NAMES: dict[str, str] = {
    "CPLAssetByAssetDateWithoutHiddenOrDeleted": ALL,
    "CPLAssetByAddedDate": ADDED,
    "CPLAssetDeletedByExpungedDate": DELETED,
    "CPLAssetHiddenByAssetDate": HIDDEN,
    "CPLAssetInSmartAlbumByAssetDate": SMART,
    "CPLAssetBurstStackAssetByAssetDate": BURSTS,
    "CPLBurstStackAssetByAssetDate": BURSTS,
    "CPLContainerRelationNotDeletedByAssetDate": CONTAINER,
}


class Indexes:
    """Selections of a zone's assets, kept until the zone changes."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._at = -1
        self._made: dict[Key, list[Record]] = {}

    def select(self, kind: str, argument: str = "") -> list[Record]:
        """Give the CPLAssets of a list, newest first; an unknown smart album is empty."""
        if self._at != self._zone.seq:
            self._at, self._made = self._zone.seq, {}
        key = (kind, argument)
        if key not in self._made:
            self._made[key] = sorted(self._members(kind, argument), key=_order(kind), reverse=True)
        return self._made[key]

    def _members(self, kind: str, argument: str) -> Iterator[Record]:
        if kind in (CONTAINER, CONTAINER_BY_POSITION):
            yield from filter(_is_live, self._in_album(argument))
            return
        wanted = self._filter(kind, argument)
        yield from (asset for asset in self._zone.of_type("CPLAsset") if wanted(asset))

    def _in_album(self, album: str) -> Iterator[Record]:
        for relation in self._zone.of_type("CPLContainerRelation"):
            asset = self._zone.get(relation.text("itemId"))
            if asset and relation.text("containerId") == album:
                yield asset

    def _filter(self, kind: str, argument: str) -> Callable[[Record], bool]:
        filters: dict[str, Callable[[Record], bool]] = {
            ALL: lambda a: _is_live(a) and not a.number("isHidden"),
            ADDED: _is_live,
            DELETED: lambda a: not _is_live(a),
            HIDDEN: lambda a: _is_live(a) and bool(a.number("isHidden")),
            SMART: lambda a: _is_live(a) and self._in_smart_album(a, argument.upper()),
        }
        return filters.get(kind, lambda _: False)

    def _in_smart_album(self, asset: Record, album: str) -> bool:
        if asset.number("isHidden"):
            return False
        if album == "FAVORITE":
            return bool(asset.number("isFavorite"))
        master = self._zone.get(asset.master_name) or Record("", "")
        if album == "VIDEO":
            return master.text("itemType") in MOVIE_TYPES
        return album == "LIVE" and "resOriginalVidComplRes" in master.fields


def _is_live(asset: Record) -> bool:
    return not asset.number("isDeleted")


def _order(kind: str) -> Callable[[Record], tuple[int, str]]:
    field = {ADDED: "addedDate", DELETED: "dateExpunged"}.get(kind, "assetDate")
    return lambda asset: (asset.number(field), asset.name)
