"""All that the simulated iCloud holds: databases, their zones and the assets in them; it knows no HTTP."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from simulators.icloud.facts import Facts
from simulators.icloud.history import fill_zone, plant_block
from simulators.icloud.indexes import Indexes
from simulators.icloud.library import AssetSpec, stable_id
from simulators.icloud.recipe import Recipe
from simulators.icloud.synthetic import Block
from simulators.icloud.zone import Zone

PRIMARY = "PrimarySync"
NAMED_BY_ID = frozenset({"SharedSync", "CMM", "SharedCollection"})


@dataclass
class Database:
    """One database: its zones and their sorted lists."""

    name: str
    zones: dict[str, Zone] = field(default_factory=dict)
    indexes: dict[str, Indexes] = field(default_factory=dict)
    _marks: dict[int, dict[str, int]] = field(default_factory=dict)

    def add(self, zone: Zone) -> None:
        """Take a zone in."""
        self.zones[zone.name] = zone
        self.indexes[zone.name] = Indexes(zone)

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset of every zone."""
        for indexes in self.indexes.values():
            yield from indexes.facts()

    def mark(self) -> int:
        """Remember where every zone stands, under the number that a database token carries."""
        self._marks[self.seq] = {name: zone.seq for name, zone in self.zones.items()}
        return self.seq

    def changed_since(self, mark: int) -> list[Zone]:
        """Give the zones that changed since a mark; all, when it is not remembered."""
        stood = self._marks.get(mark, {})
        return [zone for name, zone in self.zones.items() if stood.get(name) != zone.seq]

    @property
    def seq(self) -> int:
        """The newest change number of all zones together."""
        return sum(zone.seq for zone in self.zones.values())


@dataclass(frozen=True)
class Holding:
    """Assets that came together: a library folder's or a block's, in one zone."""

    zone: Zone
    specs: Sequence[AssetSpec]


class World:
    """Two databases, `private` and `shared`, and what was put into their zones."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.databases = (Database("private"), Database("shared"))
        self.holdings: list[Holding] = []
        self.zone(PRIMARY)

    def zone(self, name: str, database: str = "private") -> Zone:
        """Give a zone, made when it is missing; SharedSync, CMM and SharedCollection get an id added."""
        full = f"{name}-{stable_id('zone', name, database)}" if name in NAMED_BY_ID else name
        base = next(one for one in self.databases if one.name == database)
        if full not in base.zones:
            base.add(Zone(full, self._owner_of(database)))
        return base.zones[full]

    def _owner_of(self, database: str) -> str:
        """What lies in the shared database belongs to the one who invited."""
        if database == "private":
            return self.owner
        return "_" + hashlib.sha256(f"host of {self.owner}".encode()).hexdigest()[:32]

    def zones(self) -> Iterator[Zone]:
        """Every zone of both databases."""
        for database in self.databases:
            yield from database.zones.values()

    def zone_of(self, record: str) -> Zone | None:
        """The zone that has a record."""
        return next((zone for zone in self.zones() if zone.get(record)), None)

    def add_specs(self, specs: Sequence[AssetSpec], folders: dict[str, str] | None = None) -> None:
        """Put a library folder's assets into the zones that they name."""
        own = (PRIMARY, "private")
        for place in dict.fromkeys((own, *((spec.zone, spec.database) for spec in specs))):
            chosen = [spec for spec in specs if (spec.zone, spec.database) == place]
            zone = self.zone(*place)
            fill_zone(zone, chosen, folders or {})
            self.holdings.append(Holding(zone, chosen))

    def add_recipe(self, recipe: Recipe, added: int | None = None) -> Block:
        """Put a synthetic library into its zone; `added` is epoch milliseconds, None long ago."""
        zone = self.zone(recipe.zone, recipe.database)
        first = sum(len(held.specs) for held in self.holdings)
        block = Block(recipe, zone.zone_id, first, added)
        plant_block(zone, block)
        self.holdings.append(Holding(zone, block))
        return block

    def held(self, offset: int, end: int) -> Iterator[tuple[Zone, AssetSpec]]:
        """Give the assets from `offset` up to `end`, in the order in which they came."""
        for holding in self.holdings:
            size = len(holding.specs)
            for spec in holding.specs[max(offset, 0) : max(min(end, size), 0)]:
                yield holding.zone, spec
            offset, end = offset - size, end - size

    def __len__(self) -> int:
        return sum(len(held.specs) for held in self.holdings)
