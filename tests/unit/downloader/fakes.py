"""Stand-ins for the downloader's ports."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.downloader.ports import ReadRecords
from shared.domain.errors import PhotoductError, Transient
from shared.domain.events import PageSeen, Report
from shared.domain.icloud_records import master_name
from shared.domain.ids import OWN_ZONE
from shared.domain.questions import SyncToken
from shared.ports.icloud import ChangePage, Incoming, Json, LookedUp, TokenRefused, WholeAsset


class FakeClock:
    """Tells the time it is set to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_minutes(self, minutes: float) -> None:
        self.time += timedelta(minutes=minutes)


@dataclass
class FakeRecords:
    """A zone: records by name, and its feed as pages by token."""

    store: dict[str, Json] = field(default_factory=dict)
    feed: dict[str | None, ChangePage] = field(default_factory=dict)
    trouble: PhotoductError | None = None
    looked_up: list[str] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    """The same, by request."""
    answers: list[PhotoductError] = field(default_factory=list)
    """What the next look-ups are answered with instead."""
    unsure: set[str] = field(default_factory=set)
    """Names for which a look-up answers with an error."""

    async def changes(self, token: str | None) -> ChangePage:
        if self.trouble is not None:
            raise self.trouble
        if token not in self.feed:
            raise TokenRefused("no such token", code="BAD_REQUEST")
        return self.feed[token]

    async def lookup(self, names: Iterable[str]) -> LookedUp:
        wanted = list(names)
        self.looked_up += wanted
        self.asked.append(wanted)
        if self.answers:
            raise self.answers.pop(0)
        failed = {
            name: "iCloud answered TRY_AGAIN for it" for name in wanted if name in self.unsure
        }
        known = [name for name in wanted if name not in failed]
        found = {name: self.store[name] for name in known if name in self.store}
        return LookedUp(found, frozenset(known) - found.keys(), failed)

    async def whole(self, asset: str) -> WholeAsset:
        answer = await self.lookup([asset])
        record = answer.found.get(asset)
        return WholeAsset(record, self.store.get(master_name(record)) if record else None)


@dataclass
class FakeZones:
    """Zones by name; the first is the person's own."""

    readers: dict[str, ReadRecords]
    trouble: PhotoductError | None = None

    async def names(self) -> tuple[str, ...]:
        if self.trouble is not None:
            raise self.trouble
        return tuple(self.readers)

    def known(self) -> tuple[str, ...]:
        return tuple(self.readers)[:1]

    async def records(self, zone: str) -> ReadRecords:
        return self.readers[zone]


@dataclass
class FakeBus:
    """Keeps reports; answers the token of the last page of each zone."""

    said: list[Report] = field(default_factory=list)
    token: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    async def say(self, report: Report) -> None:
        self.said.append(report)
        if isinstance(report, PageSeen):
            self.tokens[report.zone] = report.token
            self.token = report.token if report.zone == OWN_ZONE else self.token

    async def ask(self, name: str, question: Any, answer: type[Any]) -> Any:
        assert name == "sync_token"
        return SyncToken(
            token=self.token if question.zone == OWN_ZONE else self.tokens.get(question.zone)
        )

    @property
    def pages(self) -> list[PageSeen]:
        return [report for report in self.said if isinstance(report, PageSeen)]


@dataclass
class FakeAttention:
    """What stands, by key."""

    standing: dict[str, str] = field(default_factory=dict)
    by: list[tuple[str, str]] = field(default_factory=list)
    """What was cleared, and by which part."""

    async def raised(self, key: str, text: str, *, by: str = "") -> None:
        self.standing[key] = text

    async def cleared(self, key: str, *, by: str = "") -> None:
        self.standing.pop(key, None)
        self.by.append((key, by))


@dataclass
class FakeFetch:
    """Serves `bodies` by address; each answer may be cut after `cut` bytes, or only the next ones after `cuts`."""

    bodies: dict[str, bytes]
    cut: int | None = None
    cuts: list[int] = field(default_factory=list)
    errors: list[PhotoductError] = field(default_factory=list)
    """What the next requests are answered with instead."""
    stalls: int = 0
    """How many of the next answers stop in the middle."""
    at_once: int = 0
    most_at_once: int = 0
    claims: int | None = None
    """The length it states, where that is not the truth."""
    expired: set[str] = field(default_factory=set)
    ignore_ranges: bool = False
    starts: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(self, url: str, start: int) -> AsyncIterator[Incoming]:
        from shared.ports.icloud import UrlExpired

        self.starts.append(start)
        if self.errors:
            raise self.errors.pop(0)
        if url in self.expired:
            raise UrlExpired("410")
        begin = 0 if self.ignore_ranges else start
        body = self.bodies[url][begin:]
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            yield Incoming(begin, self.claims or len(body), self._chunks(body))
        finally:
            self.at_once -= 1

    async def _chunks(self, body: bytes) -> AsyncIterator[bytes]:
        cut = self.cuts.pop(0) if self.cuts else self.cut
        stalls, self.stalls = self.stalls > 0, max(0, self.stalls - 1)
        whole = body[: len(body) // 2] if stalls else body if cut is None else body[:cut]
        for place in range(0, len(whole), 1000):
            await asyncio.sleep(0)
            yield whole[place : place + 1000]
        if stalls:
            await asyncio.sleep(3600)
        if len(whole) < len(body):
            raise Transient("the download broke off")
