"""One CloudKit zone: its records and the feed of what changed; it knows no HTTP and no policy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from simulators.icloud.feed import Feed, Planted
from simulators.icloud.records import Fields, Json, Record
from simulators.icloud.tokens import make_token, read_token

Listener = Callable[[Record | None, Record | None], None]


@dataclass(frozen=True)
class Change:
    """One line of a zone's feed: the record's name, and the record unless it was deleted."""

    name: str
    record: Record | None
    seq: int


@dataclass(frozen=True)
class ChangePage:
    """A stretch of the feed, where it ends, and whether more follows; it may hold no change."""

    changes: list[Change]
    token: str
    more_coming: bool


class Zone:
    """Records by name with one growing change number; every write is a new version.

    What was planted in blocks takes memory only once it is written to.
    """

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        self.owner = owner
        self.blocks: list[tuple[int, Planted]] = []
        self._listeners: list[Listener] = []
        self._records: dict[str, Record] = {}
        self._of_type: dict[str, dict[str, None]] = {}
        self._latest: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._feed = Feed()

    @property
    def zone_id(self) -> dict[str, Json]:
        """The zone's id as it appears in answers."""
        return {
            "zoneName": self.name,
            "ownerRecordName": self.owner,
            "zoneType": "REGULAR_CUSTOM_ZONE",
        }

    @property
    def seq(self) -> int:
        """The newest change number."""
        return self._feed.seq

    def listen(self, listener: Listener) -> None:
        """Have every write told: the old version and the new one, None where there is none."""
        self._listeners.append(listener)

    def plant(self, block: Planted) -> None:
        """Take in a whole block of records at once."""
        self.blocks.append((self._feed.plant(block), block))

    def get(self, name: str) -> Record | None:
        """The current version of a record, None when there is none or it was deleted."""
        return self._records.get(name) if name in self._latest else self._planted(name)

    def _planted(self, name: str) -> Record | None:
        for first, block in self.blocks:
            if (place := block.place_of(name)) is not None:
                return block.record(place, first + place)
        return None

    def is_untouched(self, name: str) -> bool:
        """Whether a planted record is still as it was planted."""
        return name not in self._latest

    def versions(self, name: str) -> int:
        """How often a record was written since the zone was made, the first time included."""
        planted = any(block.place_of(name) is not None for _, block in self.blocks)
        return self._versions.get(name, 0) + planted

    def of_type(self, kind: str) -> Iterator[Record]:
        """Every live record of a type, in the order of creation, planted ones first."""
        for first, block in self.blocks:
            for name in filter(self.is_untouched, block.names(kind)):
                place = block.place_of(name)
                if place is not None:
                    yield block.record(place, first + place)
        yield from self.written(kind)

    def written(self, kind: str) -> Iterator[Record]:
        """Every live record of a type that was written by itself, in the order of creation."""
        for name in list(self._of_type.get(kind, ())):
            yield self._records[name]

    def write(self, name: str, kind: str, fields: Fields, now: int) -> Record:
        """Put a record's new version (all its fields); `now` is in epoch milliseconds."""
        old = self.get(name)
        new = Record(name, kind, fields, self._log_change(name), created=now, modified=now)
        new = replace(new, created=old.created) if old else new
        self._records[name] = new
        self._of_type.setdefault(kind, {})[name] = None
        self._tell(old, new)
        return new

    def remove(self, name: str) -> None:
        """Leave a tombstone for a record, whether or not it existed."""
        old = self.get(name)
        self._records.pop(name, None)
        if old:
            self._of_type.get(old.type, {}).pop(name, None)
        self._log_change(name)
        self._tell(old, None)

    def _tell(self, old: Record | None, new: Record | None) -> None:
        for listener in self._listeners:
            listener(old, new)

    def _log_change(self, name: str) -> int:
        self._latest[name] = self._feed.append(name)
        self._versions[name] = self._versions.get(name, 0) + 1
        return self._latest[name]

    @property
    def token(self) -> str:
        """The sync token of this moment."""
        return make_token("zone", self.name, self.seq)

    def changes(self, token: str | None, limit: int) -> ChangePage:
        """Give the next stretch of the feed; raises BadToken.

        Without a token the full history begins with an empty page, as Apple's often does. A
        change that a later one replaced is left out, so that a page may be empty in the middle.
        """
        if token is None:
            return ChangePage([], make_token("zone", self.name, 0), more_coming=True)
        place = read_token(token, "zone", self.name, self.seq)
        stretch = self._feed.after(place, limit)
        end = stretch[-1][0] if stretch else place
        changes = [
            Change(name, self.get(name), seq)
            for seq, name in stretch
            if self._latest.get(name, seq) == seq
        ]
        return ChangePage(changes, make_token("zone", self.name, end), end < self.seq)

    def cut(self, page: ChangePage, count: int) -> ChangePage:
        """Give the first `count` changes of a page as a page; the next begins after them."""
        changes = page.changes[:count]
        token = make_token("zone", self.name, changes[-1].seq)
        return ChangePage(changes, token, more_coming=True)

    def empty(self, token: str | None) -> ChangePage:
        """Give a page without a change that leads back to where it was asked for."""
        return ChangePage([], token or make_token("zone", self.name, 0), more_coming=True)
