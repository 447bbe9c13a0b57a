"""The sorted lists that clients page through by rank; rank 0 is the newest asset."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from typing_extensions import override

from simulators.icloud.facts import Facts, facts_of
from simulators.icloud.records import Record
from simulators.icloud.zone import Zone

Key = tuple[str, str]
Ranked = list[tuple[int, str]]
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
_BELONGS: dict[str, Callable[[Facts], bool]] = {
    ALL: lambda f: not f.deleted and not f.hidden,
    ADDED: lambda f: not f.deleted,
    DELETED: lambda f: f.deleted,
    HIDDEN: lambda f: not f.deleted and f.hidden,
    BURSTS: lambda f: not f.deleted and not f.hidden and f.burst,
}
_SMART: dict[str, Callable[[Facts], bool]] = {
    "FAVORITE": lambda f: f.favorite,
    "VIDEO": lambda f: f.video,
    "LIVE": lambda f: f.live,
    "SLOMO": lambda f: f.slow,
}


@dataclass(frozen=True)
class Selection(Sequence[Record]):
    """The CPLAssets of a list, newest first, each looked up when it is asked for."""

    zone: Zone
    ranked: Ranked

    @override
    def __len__(self) -> int:
        return len(self.ranked)

    @overload
    def __getitem__(self, rank: int) -> Record: ...
    @overload
    def __getitem__(self, rank: slice) -> list[Record]: ...
    @override
    def __getitem__(self, rank: int | slice) -> Record | list[Record]:
        """Give the asset of a rank."""
        if isinstance(rank, slice):
            return [self[n] for n in range(*rank.indices(len(self)))]
        if not 0 <= rank < len(self):
            raise IndexError(rank)
        return self.zone.get(self.ranked[-1 - rank][1]) or Record("", "")

    def only(self, name: str) -> "Selection":
        """Narrow to one asset by name."""
        return Selection(self.zone, [entry for entry in self.ranked if entry[1] == name])


class Indexes:
    """Lists made when first asked for and then kept true write by write: a page costs no whole pass."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._made: dict[Key, Ranked] = {}
        self._blocks = 0
        self._members: dict[str, dict[str, None]] = {}
        for relation in zone.of_type("CPLContainerRelation"):
            self._relate(None, relation)
        zone.listen(self._follow)

    def select(self, kind: str, argument: str = "") -> Selection:
        """Give the CPLAssets of a list, newest first; an unknown smart album is empty."""
        if kind in (CONTAINER, CONTAINER_BY_POSITION):
            return Selection(self._zone, sorted(self._in_album(argument)))
        self._take_in_blocks()
        key = (kind, argument.upper())
        if key not in self._made:
            self._made[key] = self._make(key)
        return Selection(self._zone, self._made[key])

    def _take_in_blocks(self) -> None:
        """Add what was planted since the lists were made."""
        new = [block for _, block in self._zone.blocks[self._blocks :]]
        self._blocks += len(new)
        found = [facts for block in new if self._made for facts in block.facts()]
        for key, ranked in self._made.items() if found else ():
            date = _date(key[0])
            untouched = (f for f in found if self._zone.is_untouched(f.name) and _belongs(key, f))
            ranked.extend((date(f), f.name) for f in untouched)
            ranked.sort()

    def _make(self, key: Key) -> Ranked:
        date = _date(key[0])
        return sorted((date(f), f.name) for f in self.facts() if _belongs(key, f))

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset; those that nobody touched need no record for it."""
        zone = self._zone
        for _, block in zone.blocks:
            yield from (facts for facts in block.facts() if zone.is_untouched(facts.name))
        for asset in zone.written("CPLAsset"):
            yield self._facts_of(asset)

    def _facts_of(self, asset: Record) -> Facts:
        return facts_of(asset, self._zone.get(asset.master_name))

    def _in_album(self, album: str) -> Iterator[tuple[int, str]]:
        for name in self._members.get(album, ()):
            asset = self._zone.get(name)
            if asset and not asset.number("isDeleted"):
                yield asset.number("assetDate"), name

    def _follow(self, old: Record | None, new: Record | None) -> None:
        match (new or old or Record("", "")).type:
            case "CPLAsset":
                self._move(old, new)
            case "CPLContainerRelation":
                self._relate(old, new)
            case "CPLMaster":
                # Whose masters say what they are; rare enough to begin again.
                self._made = {key: made for key, made in self._made.items() if key[0] != SMART}
            case _:
                pass

    def _move(self, old: Record | None, new: Record | None) -> None:
        before, after = (self._facts_of(record) if record else None for record in (old, new))
        for key, ranked in self._made.items():
            date = _date(key[0])
            if before and _belongs(key, before):
                _take_out(ranked, (date(before), before.name))
            if after and _belongs(key, after):
                insort(ranked, (date(after), after.name))

    def _relate(self, old: Record | None, new: Record | None) -> None:
        if old:
            self._members.get(old.text("containerId"), {}).pop(old.text("itemId"), None)
        if new and not new.number("isDeleted"):
            self._members.setdefault(new.text("containerId"), {})[new.text("itemId")] = None


def _belongs(key: Key, facts: Facts) -> bool:
    kind, argument = key
    if kind == SMART:
        shown = not facts.deleted and not facts.hidden
        return shown and argument in _SMART and _SMART[argument](facts)
    return kind in _BELONGS and _BELONGS[kind](facts)


def _date(kind: str) -> Callable[[Facts], int]:
    if kind == ADDED:
        return lambda f: f.added
    return (lambda f: f.expunged) if kind == DELETED else (lambda f: f.taken)


def _take_out(ranked: Ranked, entry: tuple[int, str]) -> None:
    where = bisect_left(ranked, entry)
    if where < len(ranked) and ranked[where] == entry:
        del ranked[where]
