"""One CloudKit zone: its records and the log of what changed; it knows no HTTP and no policy."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulators.icloud.records import Fields, Json, Record
from simulators.icloud.tokens import make_token, read_token


@dataclass(frozen=True)
class Change:
    """One line of a zone's feed: the record's name, and the record unless it was deleted."""

    name: str
    record: Record | None


@dataclass(frozen=True)
class ChangePage:
    """A stretch of the feed, where it ends, and whether more follows; it may hold no change."""

    changes: list[Change]
    token: str
    more_coming: bool


class Zone:
    """Records by name with one growing change number; every write is a new version."""

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        self.owner = owner
        self.seq = 0
        self._records: dict[str, Record] = {}
        self._latest: dict[str, int] = {}
        self._log: list[tuple[int, str]] = []

    @property
    def zone_id(self) -> dict[str, Json]:
        """The zone's id as it appears in answers."""
        return {
            "zoneName": self.name,
            "ownerRecordName": self.owner,
            "zoneType": "REGULAR_CUSTOM_ZONE",
        }

    def get(self, name: str) -> Record | None:
        """The current version of a record, None when there is none or it was deleted."""
        return self._records.get(name)

    def versions(self, name: str) -> int:
        """How often a record was written since the zone was made, the first time included."""
        return sum(1 for _, written in self._log if written == name)

    def of_type(self, kind: str) -> Iterator[Record]:
        """Every live record of a type, in the order of creation."""
        return (record for record in list(self._records.values()) if record.type == kind)

    def write(self, name: str, kind: str, fields: Fields, now: int) -> Record:
        """Put a record's new version (all its fields); `now` is in epoch milliseconds."""
        old = self._records.get(name)
        new = Record(name, kind, fields, self._log_change(name), created=now, modified=now)
        self._records[name] = replace(new, created=old.created) if old else new
        return self._records[name]

    def remove(self, name: str) -> None:
        """Leave a tombstone for a record, whether or not it existed."""
        self._records.pop(name, None)
        self._log_change(name)

    def _log_change(self, name: str) -> int:
        self.seq += 1
        self._latest[name] = self.seq
        self._log.append((self.seq, name))
        return self.seq

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
        first = bisect_right(self._log, place, key=lambda entry: entry[0])
        stretch = self._log[first : first + limit]
        end = stretch[-1][0] if stretch else place
        changes = [
            Change(name, self._records.get(name))
            for seq, name in stretch
            if self._latest[name] == seq
        ]
        return ChangePage(changes, make_token("zone", self.name, end), end < self.seq)
