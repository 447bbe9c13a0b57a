"""How much memory the downloader takes at most: with one large video, and while it lists a large library; icloudpd beside it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.downloader.apple import NO_LINE, apple
from benchmarks.downloader.gauges import Memory, larger, memory
from benchmarks.downloader.icloudpd import icloudpd
from benchmarks.downloader.product import DOWNLOADER, Product, alive
from benchmarks.downloader.scratch import scratch
from benchmarks.downloader.steady import LISTING_ONLY
from benchmarks.downloader.verifying import verified

if TYPE_CHECKING:
    from benchmarks.downloader.icloudpd import Brought
    from shared.runtime.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Size:
    """How large a video, how many assets, and how long icloudpd may take over each."""

    video_bytes: int
    assets: int
    peer_seconds: float


FULL: Final = Size(4_000_000_000, 200_000, 120)
QUICK: Final = Size(100_000_000, 1_000, 5)


@dataclass(frozen=True, slots=True)
class Taken:
    """One measurement; the line has no limits, so that most is under way at once."""

    what: str
    most: Memory
    seconds: float
    peer: Brought


async def measure(size: Size) -> list[Taken]:
    """Measure both."""
    return [await _video(size), await _library(size)]


async def _video(size: Size) -> Taken:
    """Download one large video, and verify it."""
    with scratch("memory") as folder:
        library = f"videos=1,video_bytes={size.video_bytes},seed=3,warm=true"
        async with apple(folder / "icloud", [library], NO_LINE) as cloud:
            product = Product(folder / "photoduct", cloud)
            await product.install()
            begun = time.perf_counter()
            async with product.running() as processes:
                watch = asyncio.create_task(_most(processes))
                ended = await product.until_downloaded(1, processes)
                most = await _ended(watch)
            await verified(cloud, product)
            await asyncio.to_thread(product.remove_files)  # room for the other's
            session = product.folder / "data" / "session"
            peer = await icloudpd(cloud, folder / "icloudpd", session, size.peer_seconds)
    what = f"one video of {size.video_bytes / 1e9:g} GB"
    return Taken(what, most, ended - begun, peer)


async def _library(size: Size) -> Taken:
    """List a large library for the first time; nothing of it is downloaded."""
    with scratch("memory") as folder:
        library = f"photos={size.assets},bytes=100,seed=5"
        async with apple(folder / "icloud", [library], NO_LINE) as cloud:
            product = Product(folder / "photoduct", cloud, LISTING_ONLY)
            await product.install()
            begun = time.perf_counter()
            async with product.running() as processes:
                watch = asyncio.create_task(_most(processes))
                while product.assets() < size.assets or not await product.last_look():
                    alive(processes)
                    await asyncio.sleep(0.5)
                ended = time.perf_counter()
                most = await _ended(watch)
            session = product.folder / "data" / "session"
            words = ("--only-print-filenames",)  # as little as it can do with a library
            peer = await icloudpd(cloud, folder / "icloudpd", session, size.peer_seconds, *words)
    return Taken(f"{size.assets:,} assets listed", most, ended - begun, peer)


async def _most(processes: Supervisor) -> Memory:
    """Watch the downloader until cancelled; return its largest memory."""
    most = Memory(0, 0)
    try:
        while True:
            if (pid := processes.alive().get(DOWNLOADER)) is not None:
                most = larger(most, memory(pid))
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return most


async def _ended(watch: asyncio.Task[Memory]) -> Memory:
    await asyncio.sleep(0.3)  # one more sample: the kernel's peak includes all before
    watch.cancel()
    return await watch
