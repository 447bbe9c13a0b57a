"""The order in which a zone's records were written: who stands at which change number; it keeps no record."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol

from simulators.icloud.facts import Facts
from simulators.icloud.records import Record


class Planted(Protocol):
    """Many records that are made up when asked for, each at a fixed place among the block's changes."""

    @property
    def entries(self) -> int:
        """How many changes the block stands for, tombstones included."""

    def name_at(self, place: int) -> str:
        """Name what was written at a place, from 0 on."""

    def place_of(self, name: str) -> int | None:
        """Where a record of the block was written; None for a name that is no record of it."""

    def record(self, place: int, seq: int) -> Record:
        """Make the record of a place up; `seq` is the change number it gets."""

    def names(self, kind: str) -> Iterator[str]:
        """Name every record of a type."""

    def assets_of(self, master: str) -> list[str]:
        """Name the assets that showed a master when the block was planted."""

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset what lists ask for."""


class Feed:
    """Names by change number, from 1 on without a gap; a block takes no memory for its names."""

    def __init__(self) -> None:
        self.seq = 0
        self._firsts: list[int] = []
        self._parts: list[list[str] | Planted] = []

    def append(self, name: str) -> int:
        """Add one change and give its number."""
        last = self._parts[-1] if self._parts else None
        self.seq += 1
        if isinstance(last, list):
            last.append(name)
        else:
            self._firsts.append(self.seq)
            self._parts.append([name])
        return self.seq

    def plant(self, block: Planted) -> int:
        """Add a block's changes and give the number of the first."""
        first = self.seq + 1
        self._firsts.append(first)
        self._parts.append(block)
        self.seq += block.entries
        return first

    def after(self, seq: int, limit: int) -> list[tuple[int, str]]:
        """Give the changes after a number, at most `limit`."""
        return [(n, self._name(n)) for n in range(seq + 1, min(seq + limit, self.seq) + 1)]

    def _name(self, seq: int) -> str:
        where = bisect_right(self._firsts, seq) - 1
        part, place = self._parts[where], seq - self._firsts[where]
        return part[place] if isinstance(part, list) else part.name_at(place)
