"""Ends Recently Deleted: what lay there for thirty days leaves for good, and what only it needed with it."""

from dataclasses import dataclass, field
from heapq import heappop, heappush

from simulators.icloud.clock import Clock
from simulators.icloud.records import Record
from simulators.icloud.world import World
from simulators.icloud.zone import Zone


@dataclass
class _Watch:
    """One zone's deleted records by the time of their end, and the written assets of each master."""

    zone: Zone
    due: list[tuple[int, str]] = field(default_factory=list)
    shown_by: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("CPLAsset", "CPLAlbum"):
            for record in self.zone.written(kind):
                self.follow(None, record)
        self.zone.listen(self.follow)

    def follow(self, old: Record | None, new: Record | None) -> None:
        if old and old.master_name:
            self.shown_by.get(old.master_name, set()).discard(old.name)
        if new and new.master_name:
            self.shown_by.setdefault(new.master_name, set()).add(new.name)
        if new and (end := new.number("dateExpunged")):
            heappush(self.due, (end, new.name))

    def is_shown(self, master: str) -> bool:
        """Whether any asset, written or planted, still shows a master."""
        if self.shown_by.get(master):
            return True
        return any(
            self.zone.is_untouched(name)
            for _, block in self.zone.blocks
            for name in block.assets_of(master)
        )

    def sweep(self, now: int) -> None:
        while self.due and self.due[0][0] <= now:
            end, name = heappop(self.due)
            record = self.zone.get(name)
            if record and record.number("dateExpunged") == end:
                self.expunge(record)

    def expunge(self, record: Record) -> None:
        self.zone.remove(record.name)
        for relation in list(self.zone.of_type("CPLContainerRelation")):
            if record.name in (relation.text("itemId"), relation.text("containerId")):
                self.zone.remove(relation.name)
        master = record.master_name
        if master and not self.is_shown(master) and self.zone.get(master):
            self.zone.remove(master)


class Expiry:
    """Looks, whenever it is asked to, which records' time has come; nothing happens in between."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._watches: dict[str, _Watch] = {}

    def sweep(self) -> None:
        """Expunge what the clock has passed."""
        now = self._clock()
        for zone in self._world.zones():
            self._watch(zone).sweep(now)

    def expunge(self, zone: Zone, name: str) -> None:
        """Expunge a record now, as a person does who empties Recently Deleted."""
        if record := zone.get(name):
            self._watch(zone).expunge(record)

    def _watch(self, zone: Zone) -> _Watch:
        if zone.name not in self._watches:
            self._watches[zone.name] = _Watch(zone)
        return self._watches[zone.name]
