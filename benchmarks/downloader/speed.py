"""How fast a first sync is through the line: photoduct until its last file is recorded, icloudpd for a bounded time; files are checked after."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.downloader.apple import LINE, apple
from benchmarks.downloader.gauges import Memory, larger, memory, processor_of
from benchmarks.downloader.icloudpd import icloudpd
from benchmarks.downloader.product import DOWNLOADER, Product, alive
from benchmarks.downloader.scratch import scratch
from benchmarks.downloader.verifying import verified

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.downloader.apple import Apple, Rate
    from benchmarks.downloader.icloudpd import Brought
    from shared.runtime.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Load:
    """A library, and how long icloudpd may take over it."""

    name: str
    photos: int
    sizes: str
    """Bytes of a photo, as the simulator reads them."""
    peer_seconds: float
    rate: Rate = LINE


FIRST_SYNC: Final = Load("first-sync", 2000, "2000000-3000000", 120)
SMALL_FILES: Final = Load("small-files", 3000, "200000", 90)
QUICK: Final = {
    FIRST_SYNC.name: Load("first-sync", 24, "2000000-3000000", 15),
    SMALL_FILES.name: Load("small-files", 100, "200000", 15),
}


@dataclass(frozen=True, slots=True)
class Sync:
    """What photoduct did."""

    seconds: float
    first_file: float
    """Seconds until the first file was recorded: starting, signing on, the first page of the feed."""
    files: int
    size: int
    processor: dict[str, float]
    """Processor seconds by program."""
    memory: Memory
    requests: dict[str, int]

    @property
    def bytes_per_second(self) -> float:
        """From the start of the command to the last file's record."""
        return self.size / self.seconds


@dataclass(frozen=True, slots=True)
class Race:
    """Both programs on the same library through the same line."""

    load: Load
    ours: Sync
    theirs: Brought

    @property
    def of_line(self) -> float:
        """The share of the line that photoduct's files filled, from start to end."""
        return self.ours.bytes_per_second / self.load.rate.bytes_per_second

    @property
    def ratio(self) -> float:
        """How many times as many bytes a second as icloudpd; infinite when it had no whole file in its time."""
        if not self.theirs.size:
            return math.inf
        return self.ours.bytes_per_second / (self.theirs.size / self.theirs.seconds)


@dataclass(slots=True)
class _Watch:
    """Samples while photoduct works."""

    first: float = 0.0
    memory: Memory = field(default=Memory(0, 0))


async def race(load: Load) -> Race:
    """Measure one library."""
    library = f"photos={load.photos},bytes={load.sizes},seed=1"
    with scratch(load.name) as folder:
        async with apple(folder / "icloud", [f"{library},warm=true"], load.rate) as cloud:
            product = Product(folder / "photoduct", cloud)
            await product.install()
            ours = await _sync(cloud, product, load.photos)
            await verified(cloud, product)
            session = product.folder / "data" / "session"
            theirs = await _peer(cloud, folder / "icloudpd", session, load.peer_seconds)
            return Race(load, ours, theirs)


async def _peer(cloud: Apple, folder: Path, session: Path, within: float) -> Brought:
    return await icloudpd(cloud, folder, session, within)


async def _sync(cloud: Apple, product: Product, photos: int) -> Sync:
    before = await cloud.requests()
    outside = {"icloud": cloud.program.pid, "line": cloud.line.pid}
    already = processor_of(outside)
    begun = time.perf_counter()
    async with product.running() as processes:
        watch = _Watch()
        watching = asyncio.create_task(_sample(product, processes, watch))
        ended = await product.until_downloaded(photos, processes)
        watching.cancel()
        used = processor_of(outside | processes.alive())
    after = await cloud.requests()
    return Sync(
        seconds=ended - begun,
        first_file=watch.first - begun,
        files=product.number("SELECT count(*) FROM media WHERE resource <> 'record'"),
        size=product.number("SELECT sum(initial_size) FROM media WHERE resource <> 'record'"),
        processor={name: used[name] - already.get(name, 0.0) for name in used},
        memory=watch.memory,
        requests=_difference(after, before),
    )


async def _sample(product: Product, processes: Supervisor, watch: _Watch) -> None:
    while True:
        alive(processes)
        if not watch.first and product.downloaded():
            watch.first = time.perf_counter()
        if (pid := processes.alive().get(DOWNLOADER)) is not None:
            watch.memory = larger(watch.memory, memory(pid))
        await asyncio.sleep(0.1)


def _difference(after: dict[str, int], before: dict[str, int]) -> dict[str, Any]:
    return {kind: n - before.get(kind, 0) for kind, n in after.items() if n > before.get(kind, 0)}
