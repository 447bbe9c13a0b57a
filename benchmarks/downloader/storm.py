"""A sync in a scripted storm: faults by the share, the downloader killed again and again; what it asked is held against what it needed."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from benchmarks.downloader.apple import Rate, apple
from benchmarks.downloader.gauges import connections
from benchmarks.downloader.product import DOWNLOADER, Product
from benchmarks.downloader.scratch import scratch
from benchmarks.downloader.verifying import verified
from services.downloader.settings import DownloaderSettings

if TYPE_CHECKING:
    from benchmarks.downloader.apple import Apple
    from shared.runtime.supervisor import Supervisor

_RECORDS_A_PAGE: Final = 200
_NAMES_A_LOOKUP: Final = 100


@dataclass(frozen=True, slots=True)
class Storm:
    """A library and what befalls its sync."""

    photos: int
    library: str
    kill_every: float
    rate: Rate
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    throttled: float = 0.05
    truncated: float = 0.02
    expired: float = 0.02
    stalled: float = 0.01
    most_kills: int | None = None
    """After so many it is left in peace; None: killed until the end."""
    within: float = 1800.0

    @property
    def concurrency(self) -> int:
        """Downloads that are under way at once, at most."""
        given = self.settings.get("downloader", {})
        return DownloaderSettings.model_validate(given).concurrency

    def faults(self) -> list[dict[str, Any]]:
        """Return them as the simulator reads them: throttles of everything, the others of downloads."""
        slow = {"do": "status", "status": 503, "retry_after": "1", "probability": self.throttled}
        kinds = ("download", "changes/zone", "records/lookup")
        return [
            *({"kind": kind, "seed": number, **slow} for number, kind in enumerate(kinds)),
            _of_downloads("truncate", self.truncated, 11),
            _of_downloads("expired", self.expired, 12),
            _of_downloads("stall", self.stalled, 13) | {"seconds": 3600},
        ]


def _of_downloads(do: str, share: float, seed: int) -> dict[str, Any]:
    return {"kind": "download", "do": do, "probability": share, "seed": seed}


_LIBRARY: Final = "bytes=200000-2000000,seed=4,live=0.1,live_bytes=500000,edited=0.05,raw=0.02"
FULL: Final = Storm(
    3000, _LIBRARY, 20, Rate(40, 200), {"downloader": {"stall_seconds": 10}, "icloud": {"timeout": 10}}
)  # fmt: skip
QUICK: Final = Storm(
    150,
    "bytes=50000-300000,seed=4,live=0.1,live_bytes=100000,edited=0.05,raw=0.02",
    kill_every=5,
    most_kills=3,
    rate=Rate(20, 20),
    settings={
        "downloader": {"stall_seconds": 2},
        "icloud": {"timeout": 2},
        "state": {"first_retry": "0.2s", "patience": "2s", "reconcile_every": "1s"},
    },
    within=120,
)
BRIEF: Final = replace(QUICK, most_kills=2)
"""For a look whether it works; the bus's patience with the killed is what takes its time (a minute)."""


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill found."""

    in_flight: int
    """Connections that the stopped process had to iCloud, each with one request at most; at most its concurrency."""
    left: int
    """Files that were still wanted."""


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
        assert self.asked["download"] <= self.allowed, f"{self.asked} {self.allowed}"
        assert self.asked.get("records/lookup", 0) <= self.lookups_allowed, self
        assert self.asked["changes/zone"] <= self.pages_allowed, self


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
    )


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
            kills.append(Kill(min(connected, storm.concurrency), left))
            os.kill(pid, signal.SIGKILL)
