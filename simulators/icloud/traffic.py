"""Counts what clients asked for: by kind, in flight, bytes sent; it keeps the last requests only."""

from collections import Counter, deque
from dataclasses import dataclass, field

from simulators.icloud.records import Json

_REMEMBERED = 20_000


@dataclass
class Exchange:
    """One request and what became of it; `at` is in seconds of the monotonic clock."""

    at: float
    kind: str
    record: str = ""
    range: str = ""
    status: int = 0
    bytes: int = 0
    seconds: float = 0
    fault: str = ""

    def as_json(self) -> Json:
        """The exchange as the page shows it."""
        return {**vars(self)}


@dataclass
class Traffic:
    """The counters, and the last 20,000 exchanges that have ended."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    now: Counter[str] = field(default_factory=Counter)
    peak: dict[str, int] = field(default_factory=dict)
    last: deque[Exchange] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def begin(self, exchange: Exchange) -> None:
        """A request has come."""
        kind = exchange.kind
        self.counts[kind] += 1
        self.now[kind] += 1
        self.peak[kind] = max(self.peak.get(kind, 0), self.now[kind])

    def end(self, exchange: Exchange) -> None:
        """Its answer has gone, whole or not."""
        self.now[exchange.kind] -= 1
        if exchange.kind != "admin":
            self.last.append(exchange)

    def reset(self) -> None:
        """Begin to count anew; what is in flight stays so."""
        self.counts.clear()
        self.last.clear()
        self.bytes = 0
        self.peak = {kind: count for kind, count in self.now.items() if count}

    def as_json(self) -> dict[str, Json]:
        """The counters as the page shows them; admin requests are in the counts only."""
        return {
            "counts": dict(self.counts),
            "bytes": self.bytes,
            "in_flight": sum(count for kind, count in self.now.items() if kind != "admin"),
            "peak_in_flight": dict(self.peak),
        }
