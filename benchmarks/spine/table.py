"""Turns results into the page's tables; it measures nothing."""

from __future__ import annotations

import platform
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.shared.page import Markers, table
from benchmarks.shared.processes import FAST, SLOW
from benchmarks.spine.measure import FILES
from benchmarks.spine.rounds import DATABASES, NAMES

if TYPE_CHECKING:
    from benchmarks.spine.rounds import Results

MARKERS: Final = Markers(
    "<!-- made by python -m benchmarks.spine -->", "<!-- end of what benchmarks.spine makes -->"
)
GOALS: Final = {FAST.label: 250, SLOW.label: 40}
LARGE: Final = frozenset({"state", "downloader", "icloud_cleanup"})
"""Services that load SQLAlchemy or pyicloud: up to 120 MB, others up to 70, when idle."""
_LIMIT_ALL: Final = 600


def tables(results: Results) -> str:
    """Return all tables as Markdown."""
    load = ", ".join(f"{one:.1f}" for one in results.load)
    head = (
        f"{len(results.load)} rounds, medians; {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}; load of the machine at the start of each round: {load}."
    )
    parts = (
        head,
        _flows(results),
        _controls(results),
        _floods(results),
        _syncs(results),
        _memory(results),
    )
    return "\n\n".join(parts)


def _flows(results: Results) -> str:
    rows = []
    for (who, disk), flow in results.flows.items():
        each = 1 if who == "prototype" else FILES
        old = results.flows["prototype", disk].rates
        ratio = median(each * new / before for new, before in zip(flow.rates, old, strict=True))
        assets = "" if who == "prototype" else f"{flow.rate:.1f}"
        alone = flow.latency
        spread = f"{min(flow.rates):.1f} to {max(flow.rates):.1f}"
        rows.append(
            (disk, who, assets, f"**{each * flow.rate:.0f}**", f"{ratio:.1f}", f"{GOALS[disk]}",
             spread, f"{alone.median:.1f}", f"{alone.p95:.1f}")
        )  # fmt: skip
    rows.sort()
    head = (
        "disk", "spine", "assets/s", "files/s", "ratio to the prototype, round by round", "goal (files/s)",
        "rounds", "one alone, median ms", "p95 ms",
    )  # fmt: skip
    return table(head, rows)


def _controls(results: Results) -> str:
    rows = [
        (disk, who, f"{median(c.nats for c in flow.controls):.1f}",
         f"{median(c.state for c in flow.controls):.1f}")
        for (who, disk), flow in sorted(results.flows.items())
        if flow.controls
    ]  # fmt: skip
    head = (
        "disk",
        "database",
        "one publication (nats-server), ms",
        "one report's commit (state), ms",
    )
    return "Positive control, that the delay is in both processes:\n\n" + table(head, rows)


def _floods(results: Results) -> str:
    rows = [(name, f"{median(results.floods[name]):,.0f}") for name in DATABASES]
    return table(("database", "reports/s into the state service alone"), rows)


def _syncs(results: Results) -> str:
    rows = [
        (name, f"{many:.2f}", f"{many / FILES:.2f}", f"{alone:.1f}", f"{alone / FILES:.1f}")
        for name, (many, alone) in results.syncs.items()
    ]
    totals = [sum(one[n] for one in results.syncs.values()) for n in (0, 1)]
    rows.append(
        ("together", f"{totals[0]:.2f}", f"{totals[0] / FILES:.2f}",
         f"{totals[1]:.1f}", f"{totals[1] / FILES:.1f}")
    )  # fmt: skip
    head = (
        "fsyncs of",
        "an asset, saturated",
        "a file, saturated",
        "an asset alone",
        "a file alone",
    )
    return table(head, rows)


def _memory(results: Results) -> str:
    rows = [
        (name, f"{results.idle[name]:.0f}", f"{results.loaded[name]:.0f}",
         "" if name == "nats-server" else "120" if name in LARGE else "70")
        for name in NAMES
    ]  # fmt: skip
    sums = (sum(results.idle.values()), sum(results.loaded.values()))
    rows.append(("all", f"{sums[0]:.0f}", f"{sums[1]:.0f}", str(_LIMIT_ALL)))
    return table(("memory (PSS) of", "idle, MB", "loaded, MB", "limit idle, MB"), rows)
