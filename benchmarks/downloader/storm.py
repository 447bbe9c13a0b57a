"""A sync in a scripted storm: faults by the share, the downloader killed again and again; what it asked is held against what it needed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.downloader.apple import apple
from benchmarks.downloader.explained import Asked, Kill, Weathered, unexplained
from benchmarks.downloader.gauges import connections
from benchmarks.downloader.product import DOWNLOADER, Product
from benchmarks.downloader.scratch import scratch
from benchmarks.downloader.verifying import verified

if TYPE_CHECKING:
    from benchmarks.downloader.apple import Apple
    from benchmarks.downloader.storm_plan import Storm
    from shared.runtime.supervisor import Supervisor


async def weather(storm: Storm) -> Weathered:
    """Sync through the storm, and count; AssertionError when the files are not those of iCloud."""
    with scratch("storm") as folder:
        library = f"photos={storm.photos},{storm.library},warm=true"
        async with apple(folder / "icloud", [library], storm.rate) as cloud:
            product = Product(folder / "photoduct", cloud, storm.settings)
            await product.install()
            return await _weather(storm, cloud, product)


async def _weather(storm: Storm, cloud: Apple, product: Product) -> Weathered:
    kills: list[Kill] = []
    await cloud.post("requests", {"reset": True})
    for fault in storm.faults():
        await cloud.post("faults", fault)
    begun = time.perf_counter()
    async with product.running() as processes:
        killing = asyncio.create_task(_kill(storm, product, processes, kills))
        try:
            async with asyncio.timeout(storm.within):
                ended = await product.until_downloaded(storm.photos, processes)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
    asked, fired = await cloud.requests(), await _fired(cloud)
    too_many = unexplained(await _downloads(cloud), await _files(cloud), kills)
    return Weathered(
        storm,
        seconds=ended - begun,
        files=await verified(cloud, product),
        quarantined=product.number("SELECT count(*) FROM work WHERE state = 'quarantined'"),
        rejected=product.number("SELECT count(*) FROM rejected"),
        left_behind=sum(1 for _ in product.incoming.iterdir()),
        fired=fired,
        kills=kills,
        asked=asked,
        unexplained=too_many,
    )


async def _downloads(cloud: Apple) -> list[Asked]:
    log = (await cloud.get("requests?log=1"))["log"]
    downloads = [one for one in log if one["kind"] == "download"]
    return [Asked(one["at"], one["record"], bool(one["fault"])) for one in downloads]


async def _files(cloud: Apple) -> dict[str, int]:
    """Return how many files each record has: originals hang on the master, edits on the asset."""
    found: Counter[str] = Counter()
    for name, asset in (await cloud.truth()).items():
        for resource in asset["resources"].values():
            found[asset["master"] if resource["field"].startswith("resOriginal") else name] += 1
    return dict(found)


async def _fired(cloud: Apple) -> dict[str, int]:
    rules = (await cloud.get("faults"))["faults"]
    return {f"{rule['do']} of {rule['kind']}": rule["fired"] for rule in rules}


async def _kill(storm: Storm, product: Product, processes: Supervisor, kills: list[Kill]) -> None:
    """Kill the downloader again and again; the supervisor starts it again."""
    while storm.most_kills is None or len(kills) < storm.most_kills:
        await asyncio.sleep(storm.kill_every)
        if (pid := processes.alive().get(DOWNLOADER)) is not None:
            os.kill(pid, signal.SIGSTOP)  # so that what is counted is what the kill finds
            connected = await asyncio.to_thread(connections, pid, product.apple.line_port)
            left = product.media() - product.downloaded()
            kills.append(Kill(min(connected, storm.concurrency), left, time.monotonic()))
            os.kill(pid, signal.SIGKILL)
