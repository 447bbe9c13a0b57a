"""A flood of reports into the state service alone: what it can take in, transactions and work handed out included."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from benchmarks.spine import noop
from benchmarks.spine.measure import FILES, name_of, outgoing, pages, path_of, publish_pages
from shared.adapters.jetstream_admin import consumer_info
from shared.adapters.jetstream_publishing import Publisher
from shared.domain import events
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import REPORTS_CONSUMER, REPORTS_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.spine.stack import Stack
    from shared.adapters.jetstream import Connection
    from shared.ports.bus import Outgoing


async def flood(stack: Stack, count: int) -> float:
    """Report the downloads, archiving and staging of `count` assets at once; returns reports a second."""
    admin, bus = await stack.bus("admin"), await stack.bus("downloader")
    try:
        await publish_pages(bus, pages(count))
        await _taken_in(admin)
        begun = time.perf_counter()
        said = await _publish_each(stack, count)
        await _taken_in(admin)
        return said / (time.perf_counter() - begun)
    finally:
        await bus.close()
        await admin.close()


async def _publish_each(stack: Stack, count: int) -> int:
    """Publish as the services that say such things; a new database numbers files from 1, photo then record."""
    said = 0
    for service, reports in (
        ("downloader", list(_downloads(count))),
        ("nas_sync", list(_archived(count))),
        ("pixel_sync", list(_shown(count))),
    ):
        bus = await stack.bus(service)
        await Publisher(bus).publish_many([_message(service, report) for report in reports])
        await bus.close()
        said += len(reports)
    return said


def _message(service: str, report: events.Report) -> Outgoing:
    return outgoing(service, report)


def _downloads(count: int) -> Iterator[events.Report]:
    for key in range(1, FILES * count + 1):
        number, record = divmod(key - 1, FILES)
        yield events.Downloaded(
            **_head("download", key),
            sha256=noop.sha(str(key)),
            size=noop.SIZE,
            area="backup",
            path=path_of(number, ".record.json" if record else ".JPG"),
        )


def _archived(count: int) -> Iterator[events.Report]:
    for key in range(1, FILES * count + 1):
        yield events.NasVerified(
            **_head("nas", key),
            path=f"2020/{key}",
            sha256=noop.sha(str(key)),
            size=noop.SIZE,
            **noop.ARCHIVE,
        )


def _shown(count: int) -> Iterator[events.Report]:
    for key in range(1, FILES * count + 1, FILES):
        yield events.Staged(**_head("pixel", key), path=f"2020/{key}", mtime_ns=1)
        yield events.GoogleEvidence(
            id=f"google:{key}",
            at=noop.clock.now(),
            media=key,
            asset=_asset(key),
            level=GoogleLevel.SETTLED,
        )


def _head(stage: str, key: int) -> dict[str, Any]:
    said = {"id": f"{stage}:{key}:1:flood", "at": noop.clock.now()}
    return {**said, "stage": stage, "key": key, "attempt": 1, "asset": _asset(key)}


def _asset(key: int) -> str:
    """Return the asset of a file: the first page's assets are numbered from 0, their files from 1."""
    return name_of((key - 1) // FILES)


async def _taken_in(admin: Connection) -> None:
    """Return when the state service has acknowledged every report."""
    while True:
        found = await consumer_info(admin, REPORTS_STREAM, REPORTS_CONSUMER)
        if not found["num_pending"] and not found["num_ack_pending"]:
            return
        await asyncio.sleep(0.01)
