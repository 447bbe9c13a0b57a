"""The measurements themselves: each takes a running stack or makes its own, and returns plain numbers."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from benchmarks.spine import noop
from shared.adapters.jetstream_publishing import Publisher
from shared.domain import events
from shared.domain.naming import folder
from shared.domain.pipeline import report_subject
from shared.ports.bus import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.spine.books import Books
    from benchmarks.spine.stack import Stack
    from shared.adapters.jetstream import Connection

PAGE: Final = 200
"""Assets on a page of the feed, as iCloud gives them."""
FILES: Final = 2
"""Files of each asset: the photo and its record."""
_FIRST: Final = datetime(2015, 1, 1, 12, tzinfo=UTC)
_PATIENCE_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the page's publication to the commit of the last stage."""

    median: float
    p95: float
    count: int


@dataclass(frozen=True, slots=True)
class Control:
    """What one durable step costs in each process, in milliseconds: the proof that a delay is really there."""

    nats: float
    state: float


def spread(took: Sequence[float]) -> Latency:
    """Return median and 95th percentile (the nearest rank above) of milliseconds."""
    ordered = sorted(took)
    return Latency(
        statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], len(ordered)
    )


def name_of(number: int) -> str:
    """Return the id of the asset of that number."""
    return f"IMG_{number:06}"


def path_of(number: int, extension: str) -> str:
    """Return where the state service puts that asset's file."""
    return f"{folder(_FIRST + timedelta(hours=number))}/{name_of(number)}{extension}"


def pages(count: int, first: int = 0) -> list[events.PageSeen]:
    """Make pages of `count` assets in all, each asset from another hour."""
    assets = [
        noop.asset_seen(name_of(number), _FIRST + timedelta(hours=number))
        for number in range(first, first + count)
    ]
    return [
        noop.page_seen(first + start, assets[start : start + PAGE])
        for start in range(0, count, PAGE)
    ]


def outgoing(service: str, report: events.Report) -> Outgoing:
    """Make the message of a report."""
    return Outgoing(
        report_subject(service, type(report)), report.model_dump_json().encode(), report.id
    )


async def control(bus: Connection, books: Books, tries: int = 9) -> Control:
    """Time one publication, and one commit after it, several times; returns medians."""
    publisher, nats, state = Publisher(bus), [], []
    for number in range(tries):
        key = f"control-{number}-{time.time_ns()}"
        report = events.Attention(
            id=key, at=noop.clock.now(), key=key, text="a measurement", raised=True
        )
        begun = time.perf_counter()
        await publisher.publish_many([outgoing("downloader", report)])
        stored = time.perf_counter()
        query = f"SELECT count(*) FROM attention WHERE key = '{key}'"  # noqa: S608 - our own key
        seen = await _seen(books, query, 1, every=0.0002)
        nats.append(1000 * (stored - begun))
        state.append(1000 * (seen - stored))
    return Control(statistics.median(nats), statistics.median(state))


async def saturated(stack: Stack, bus: Connection, books: Books, count: int, first: int) -> float:
    """Put `count` assets in at once; returns the seconds until all are through every stage."""
    wanted = books.purged() + count
    begun = time.perf_counter()
    await publish_pages(bus, pages(count, first))
    end = await books.wait_until(lambda: books.purged() >= wanted, 0.02, _PATIENCE_S, stack.check)
    return end - begun


async def publish_pages(bus: Connection, made: Sequence[events.PageSeen]) -> None:
    """Publish pages as the downloader does."""
    await Publisher(bus).publish_many([outgoing("downloader", page) for page in made])


async def unloaded(stack: Stack, bus: Connection, books: Books, count: int, first: int) -> Latency:
    """Send assets through one at a time."""
    took = [1000 * await one(stack, bus, books, first + n) for n in range(count)]
    return spread(took)


async def one(stack: Stack, bus: Connection, books: Books, number: int) -> float:
    """Send one asset through; returns seconds, seen to half a millisecond."""
    stack.check()
    query = (
        f"SELECT count(*) FROM asset WHERE icloud_id = 'IMG_{number:06}' "  # noqa: S608
        "AND removal = 'purged'"
    )
    begun = time.perf_counter()
    await publish_pages(bus, pages(1, number))
    return await _seen(books, query, 1, every=0.0005) - begun


async def _seen(books: Books, query: str, least: int, *, every: float) -> float:
    return await books.wait_until(
        lambda: books.number(query) >= least, every, _PATIENCE_S, lambda: None
    )
