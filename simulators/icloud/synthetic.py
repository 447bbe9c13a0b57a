"""A block of made-up assets: every record and every byte follows from (seed, number), so it keeps none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

from typing_extensions import override

from simulators.icloud.chance import Chance
from simulators.icloud.facts import Facts
from simulators.icloud.library import AssetSpec
from simulators.icloud.naming import Naming
from simulators.icloud.photo_records import asset_fields, master_fields
from simulators.icloud.recipe import Recipe
from simulators.icloud.records import Json, Record
from simulators.icloud.shots import Shots

# Each asset stands for three changes: an old deletion, then its master and itself.
_EACH = 3
_GONE, _MASTER, _ASSET = range(_EACH)


@dataclass(frozen=True)
class Block(Sequence[AssetSpec]):
    """A recipe's assets in one zone, the first being number `first` of all synthetic ones.

    `added` is when they came, in epoch milliseconds; None for long ago.
    """

    recipe: Recipe
    zone_id: dict[str, Json] = field(hash=False)
    first: int = 0
    added: int | None = None

    @override
    def __len__(self) -> int:
        return self.recipe.total

    @cached_property
    def naming(self) -> Naming:
        """How its records are called."""
        return Naming.of(self.recipe.seed, self.zone_id.get("zoneName"), self.first)

    @cached_property
    def shots(self) -> Shots:
        """What each of its assets is."""
        chance = Chance(self.recipe.seed)
        return Shots(self.recipe, self.naming, chance, self.first, self.added)

    @property
    def entries(self) -> int:
        """How many changes the block stands for."""
        return len(self) * _EACH

    def place_of(self, name: str) -> int | None:
        """Where a master or asset was written; None for a name that is no record of the block."""
        sort, number = self.naming.read(name) or ("asset", -1)
        if not 0 <= number < len(self) or (sort == "master" and self.shots.shares(number)):
            return None
        return number * _EACH + self._swapped(number, _ASSET if sort == "asset" else _MASTER)

    def _swapped(self, number: int, kind: int) -> int:
        # An asset may come before its master.
        return kind if number % 3 != 2 or kind == _GONE else _MASTER + _ASSET - kind

    def name_at(self, place: int) -> str:
        """Name what was written at a place; where a master is shared, something that is gone."""
        number, entry = divmod(place, _EACH)
        kind = self._swapped(number, entry)
        if kind == _ASSET:
            return self.naming.asset_id(number)
        if kind == _MASTER and not self.shots.shares(number):
            return self.naming.master_id(number)
        return self.naming.gone_id(place)

    def names(self, kind: str) -> Iterator[str]:
        """Name every record of a type."""
        if kind == "CPLAsset":
            yield from map(self.naming.asset_id, range(len(self)))
        if kind == "CPLMaster":
            own = (n for n in range(len(self)) if not self.shots.shares(n))
            yield from map(self.naming.master_id, own)

    def assets_of(self, master: str) -> list[str]:
        """Name the assets that show a master of the block: one, or two."""
        sort, number = self.naming.read(master) or ("asset", -1)
        if sort != "master" or not 0 <= number < len(self):
            return []
        also = number + 1 < len(self) and self.shots.shares(number + 1)
        return [self.naming.asset_id(n) for n in (number, number + 1)[: 1 + also]]

    def record(self, place: int, seq: int) -> Record:
        """Make a record up."""
        number, entry = divmod(place, _EACH)
        spec, moment = self[number], self.shots.added(number)
        if self._swapped(number, entry) == _ASSET:
            fields = asset_fields(spec, self.zone_id)
            return Record(spec.id, "CPLAsset", fields, seq, created=moment, modified=moment)
        fields = master_fields(spec)
        return Record(spec.master_id, "CPLMaster", fields, seq, created=moment, modified=moment)

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset what lists ask for, without making its records up."""
        return self.shots.facts()

    @overload
    def __getitem__(self, index: int) -> AssetSpec: ...
    @overload
    def __getitem__(self, index: slice) -> list[AssetSpec]: ...
    @override
    def __getitem__(self, index: int | slice) -> AssetSpec | list[AssetSpec]:
        """Make up what a library folder would have said of an asset."""
        if isinstance(index, slice):
            return [self.shots.spec(n) for n in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.shots.spec(index % len(self))
