"""Runs every measurement several times, each on a pipeline of its own, and keeps medians; it prints as it goes."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.shared.processes import COUNTED, FAST, SLOW, Disk, counted_syncs, memory_mb
from benchmarks.spine import flood, measure, prototype
from benchmarks.spine.measure import Control, Latency
from benchmarks.spine.stack import WORKERS, Stack, stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.spine.books import Books

DATABASES: Final = ("sqlite", "postgres")
NAMES: Final = ("nats-server", "state", *WORKERS)


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure: assets put in at once, and one by one, on a fast and on a slow disk."""

    rounds: int
    many: int
    many_slow: int
    single: int
    single_slow: int


FULL: Final = Size(rounds=3, many=600, many_slow=120, single=30, single_slow=6)
QUICK: Final = Size(rounds=1, many=40, many_slow=6, single=3, single_slow=1)


@dataclass(slots=True)
class Flow:
    """What the whole pipeline did: assets a second, and one asset alone; a list has a value a round."""

    rates: list[float] = field(default_factory=list)
    alone: list[Latency] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median of the assets (for the prototype: files) a second."""
        return median(self.rates)

    @property
    def latency(self) -> Latency:
        """Medians of the medians and of the 95th percentiles."""
        return Latency(
            median(one.median for one in self.alone),
            median(one.p95 for one in self.alone),
            sum(one.count for one in self.alone),
        )


@dataclass(slots=True)
class Results:
    """Everything that was measured; keys are (database or `prototype`, disk label)."""

    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    floods: dict[str, list[float]] = field(default_factory=dict)
    syncs: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By program: fsyncs an asset, saturated and alone."""
    idle: dict[str, float] = field(default_factory=dict)
    loaded: dict[str, float] = field(default_factory=dict)
    load: list[float] = field(default_factory=list)


async def measure_all(size: Size) -> Results:
    """Measure everything."""
    results = Results()
    for number in range(size.rounds):
        print(f"round {number + 1} of {size.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
        results.load.append(os.getloadavg()[0])
        for disk in (FAST, SLOW):
            await _prototype(results, disk, size)
            for database in DATABASES:
                await _flow(results, database, disk, size)
        for database in DATABASES:
            async with stack(database, workers=False) as made:
                results.floods.setdefault(database, []).append(await flood.flood(made, size.many))
    await _memory(results, size)
    await _syncs(results, size)
    return results


async def opened(made: Stack) -> Books:
    """Wait until the state service has made its tables."""
    while True:
        made.check()
        try:
            books = made.books()
            books.rejected()
        except Exception:  # noqa: BLE001 - each database says "not there yet" in its own words
            await asyncio.sleep(0.05)
        else:
            return books


def _flow_of(results: Results, database: str, disk: Disk) -> Flow:
    return results.flows.setdefault((database, disk.label), Flow())


async def _prototype(results: Results, disk: Disk, size: Size) -> None:
    count, single = (
        (size.many_slow // 2, size.single_slow) if disk.delay_ms else (size.many // 2, size.single)
    )
    rate, alone = await prototype.measured(disk, count, single)
    flow = _flow_of(results, "prototype", disk)
    flow.rates.append(rate)
    flow.alone.append(alone)
    print(f"  prototype, {disk.label}: {rate:.0f} files/s, alone {alone.median:.1f} ms", flush=True)


async def _flow(results: Results, database: str, disk: Disk, size: Size) -> None:
    many, single = (size.many_slow, size.single_slow) if disk.delay_ms else (size.many, size.single)
    flow = _flow_of(results, database, disk)
    async with stack(database, disk) as made:
        books, bus = await opened(made), await made.bus("downloader")
        flow.controls.append(await measure.control(bus, books))
        await measure.saturated(made, bus, books, 10, 0)
        flow.rates.append(many / await measure.saturated(made, bus, books, many, 10_000))
        flow.alone.append(await measure.unloaded(made, bus, books, single, 90_000))
        assert not books.rejected(), "the state service refused reports: the numbers mean nothing"
        books.close()
        await bus.close()
    control, alone = flow.controls[-1], flow.alone[-1]
    print(
        f"  {database}, {disk.label}: {flow.rates[-1]:.1f} assets/s, alone {alone.median:.1f} ms "
        f"(control: a publication {control.nats:.1f} ms, a commit {control.state:.1f} ms)",
        flush=True,
    )


async def _memory(results: Results, size: Size) -> None:
    """Take the memory of every process before and during a load."""
    async with stack("sqlite") as made:
        books, bus = await opened(made), await made.bus("downloader")
        await asyncio.sleep(3)
        results.idle = _sizes(made, NAMES)
        loading = asyncio.create_task(measure.saturated(made, bus, books, size.many, 0))
        while not loading.done():
            now = _sizes(made, NAMES)
            results.loaded = {one: max(now[one], results.loaded.get(one, 0)) for one in now}
            await asyncio.sleep(0.5)
        await loading
        books.close()
        await bus.close()


def _sizes(made: Stack, names: Iterable[str]) -> dict[str, float]:
    return {name: memory_mb(made.programs[name].pid) for name in names}


async def _syncs(results: Results, size: Size) -> None:
    """Count fsyncs an asset: one run with many at once, one run with one after the other, one run with none."""
    none = await _counted(0, 0)
    many = await _counted(size.many // 2, 0)
    alone = await _counted(0, size.single)
    for name in none:
        results.syncs[name] = (
            (many[name] - none[name]) / (size.many // 2),
            (alone[name] - none[name]) / size.single,
        )


async def _counted(many: int, single: int) -> dict[str, int]:
    async with stack("sqlite", COUNTED) as made:
        books, bus = await opened(made), await made.bus("downloader")
        await asyncio.sleep(1)
        if many:
            await measure.saturated(made, bus, books, many, 0)
        if single:
            await measure.unloaded(made, bus, books, single, 0)
        books.close()
        await bus.close()
        await made.stop(*WORKERS, "state", "nats-server")
        return {name: counted_syncs(made.folder, name) for name in ("nats-server", "state")}
