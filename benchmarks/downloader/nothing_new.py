"""What a look costs when a large library has nothing new, and when 20 photos are: photoduct running, photoduct starting, icloudpd."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from benchmarks.downloader.apple import LINE, apple
from benchmarks.downloader.icloudpd import icloudpd
from benchmarks.downloader.product import DOWNLOADER, Product, alive
from benchmarks.downloader.scratch import scratch
from benchmarks.downloader.steady import listed, mark_as_downloaded
from benchmarks.shared.processes import Program
from shared.runtime.settings import CONFIG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.downloader.apple import Apple
    from benchmarks.downloader.icloudpd import Brought
    from shared.runtime.supervisor import Supervisor

NEW: Final = 20
NEW_BYTES: Final = "2000000"
_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many assets, and how long icloudpd may take."""

    assets: int
    looks: int
    peer_seconds: float


FULL: Final = Size(100_000, looks=5, peer_seconds=600)
QUICK: Final = Size(1_000, looks=2, peer_seconds=15)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at iCloud."""

    seconds: float
    requests: dict[str, int]

    @property
    def asked(self) -> int:
        """How many requests."""
        return sum(self.requests.values())


@dataclass(slots=True)
class NothingNew:
    """Everything that was measured."""

    size: Size
    listing_seconds: float = 0.0
    """The first look, through the line: the full history."""
    running: list[Look] = field(default_factory=list)
    """From the command to look until it has ended, by a running downloader."""
    starting: list[Look] = field(default_factory=list)
    """From the start of the downloader's process until its first look has ended; bus and state service run."""
    twenty: Look | None = None
    """From the command to look until 20 new photos are downloaded and recorded."""
    peer_nothing: Brought | None = None
    peer_twenty: Brought | None = None


async def measure(size: Size) -> NothingNew:
    """Measure all of it in one run."""
    found = NothingNew(size)
    with scratch("nothing-new") as folder:
        async with apple(
            folder / "icloud", [f"photos={size.assets},bytes=100,seed=2"], LINE
        ) as cloud:
            product = Product(folder / "photoduct", cloud)
            found.listing_seconds = await listed(product, size.assets)
            mark_as_downloaded(product)
            await _looks(product, found)
            peer = folder / "icloudpd"
            await asyncio.to_thread(_fill, peer / "files", await cloud.truth())
            session = product.folder / "data" / "session"
            found.peer_nothing = await icloudpd(cloud, peer, session, size.peer_seconds)
            await _twenty(cloud, product, found)
            found.peer_twenty = await icloudpd(cloud, peer, session, size.peer_seconds)
    return found


async def _looks(product: Product, found: NothingNew) -> None:
    async with product.running("state") as processes:
        await product.state_answers()
        for _ in range(found.size.looks):
            async with _started(product, processes) as look:
                found.starting.append(look)
    async with product.running() as processes:
        await _until_looked(product, processes, 0.0)
        for _ in range(found.size.looks):
            found.running.append(await _look(product, processes))


@asynccontextmanager
async def _started(product: Product, processes: Supervisor) -> AsyncIterator[Look]:
    """Start a downloader beside the running state service; it ends with the block."""
    before = await product.apple.requests()
    begun = time.time()
    command = [sys.executable, "-m", "services.downloader"]
    env = {**os.environ, CONFIG: str(product.config)}
    program = Program(DOWNLOADER, command, product.folder, env=env)
    try:
        ended = await _until_looked(product, processes, begun)
        yield Look(ended - begun, _asked(await product.apple.requests(), before))
    finally:
        await program.stop()


async def _look(product: Product, processes: Supervisor) -> Look:
    before = await product.apple.requests()
    begun = time.time()
    await product.look_now()
    ended = await _until_looked(product, processes, begun)
    return Look(ended - begun, _asked(await product.apple.requests(), before))


async def _twenty(cloud: Apple, product: Product, found: NothingNew) -> None:
    async with product.running() as processes:
        await _until_looked(product, processes, 0.0)
        await cloud.post("add", {"photos": NEW, "bytes": NEW_BYTES, "seed": 77})
        before = await cloud.requests()
        begun = time.perf_counter()
        await product.look_now()
        async with asyncio.timeout(_PATIENCE_S):
            ended = await product.until_downloaded(found.size.assets + NEW, processes)
        found.twenty = Look(ended - begun, _asked(await cloud.requests(), before))


async def _until_looked(product: Product, processes: Supervisor, after: float) -> float:
    """Return the moment (epoch seconds) at which the first look after a moment ended well, as the downloader says."""
    async with asyncio.timeout(_PATIENCE_S):
        while (looked := await product.last_look()) <= after:
            alive(processes)
            await asyncio.sleep(0.02)
    return looked


def _asked(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {kind: n - before.get(kind, 0) for kind, n in after.items() if n > before.get(kind, 0)}


def _fill(folder: Path, truth: dict[str, dict[str, Any]]) -> None:
    """Make the files that icloudpd would have left: its folders, names and sizes; photos only."""
    for asset in truth.values():
        created = datetime.fromisoformat(asset["created"]).astimezone(UTC)
        path = folder / f"{created:%Y/%m/%d}" / asset["filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * asset["resources"]["original"]["size"])
