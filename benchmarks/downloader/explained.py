"""What a storm came to, and how many requests it explains; pure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.downloader.storm_plan import Storm

_RECORDS_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill found."""

    in_flight: int
    """Connections that the stopped process had to iCloud, each with one request at most; at most its concurrency."""
    left: int
    """Files that were still wanted."""
    at: float = 0.0
    """When, on the clock of this machine that never goes back."""


@dataclass(frozen=True, slots=True)
class Weathered:
    """How a storm ended; making one asserts nothing, `check` does."""

    storm: Storm
    seconds: float
    files: int
    """Each verified byte for byte, each exactly once."""
    quarantined: int
    rejected: int
    left_behind: int
    """Partial files that nobody will take up."""
    fired: dict[str, int]
    """Faults that struck, by what they did and to which kind of request."""
    kills: list[Kill]
    asked: dict[str, int]
    """Requests, by kind."""
    unexplained: tuple[str, ...] = ()
    """Records whose files were asked for more often than their own faults and the kills meanwhile explain."""

    @property
    def allowed(self) -> int:
        """Downloads that the faults and the kills explain, beside one for each file."""
        struck = sum(n for what, n in self.fired.items() if what.endswith(" of download"))
        return self.files + struck + sum(kill.in_flight for kill in self.kills)

    @property
    def lookups_allowed(self) -> int:
        """Lookups that are needed: a new process knows no addresses, a dead address is asked for anew, faults repeat them.

        Two requests (assets, their masters) for at least as many assets as are downloaded at once.
        """
        together = self.storm.concurrency
        after_kills = sum(2 * math.ceil(kill.left / together) for kill in self.kills)
        again = 2 * self.fired.get("expired of download", 0)
        return after_kills + again + self.fired.get("status of records/lookup", 0) + 2

    @property
    def pages_allowed(self) -> int:
        """Pages of the change feed: the history once, and one or two at each start and fault."""
        history = math.ceil(2 * self.storm.photos / _RECORDS_A_PAGE) + 2
        struck = self.fired.get("status of changes/zone", 0)
        return history + 2 * (len(self.kills) + 1) + struck

    def check(self) -> None:
        """Raise AssertionError when a file was lost or more was asked than the storm explains."""
        assert self.quarantined == 0
        assert self.rejected == 0
        assert self.left_behind == 0
        assert not self.unexplained, self.unexplained
        assert self.asked["download"] <= self.allowed, f"{self.asked} {self.allowed}"
        assert self.asked.get("records/lookup", 0) <= self.lookups_allowed, self
        assert self.asked["changes/zone"] <= self.pages_allowed, self


@dataclass(frozen=True, slots=True)
class Asked:
    """One download as the simulator saw it."""

    at: float
    record: str
    struck: bool


def unexplained(
    asked: Sequence[Asked], files: Mapping[str, int], kills: Sequence[Kill]
) -> tuple[str, ...]:
    """Return the records asked for too often: a file may be asked for once, again after each fault, and after each kill."""
    by_record: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_record[one.record].append(one)
    return tuple(
        f"{name}: {len(ones)} requests for {files.get(name, 0)} files"
        for name, ones in by_record.items()
        if len(ones) > _explained(ones, files.get(name, 0), kills)
    )


def _explained(ones: Sequence[Asked], files: int, kills: Sequence[Kill]) -> int:
    first, last = min(one.at for one in ones), max(one.at for one in ones)
    meanwhile = sum(first <= kill.at <= last for kill in kills)
    return files * (1 + meanwhile) + sum(one.struck for one in ones)
