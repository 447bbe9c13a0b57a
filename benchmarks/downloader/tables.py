"""Turns what was measured into the page's tables, goals beside them; it measures nothing."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.shared.page import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.downloader.explained import Weathered
    from benchmarks.downloader.icloudpd import Brought
    from benchmarks.downloader.memory import Taken
    from benchmarks.downloader.nothing_new import Look, NothingNew
    from benchmarks.downloader.speed import Race

_MB = 1e6


def machine() -> str:
    """Say where this was measured, and how busy the machine is."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; load of the machine at the end: {os.getloadavg()[0]:.1f}."
    )


def races(found: Race, goal: str) -> str:
    """Show both programs on one library."""
    ours, theirs, rate = found.ours, found.theirs, found.load.rate
    head = ("program", "files", "seconds", "MB/s", "of the line", "files/s", "peak memory, MB")
    rows = [
        _speed("photoduct", ours.files, ours.size, ours.seconds, found, ours.memory.peak_rss),
        _speed("icloudpd", theirs.files, theirs.size, theirs.seconds, found, theirs.memory.peak_rss),
    ]  # fmt: skip
    used = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(ours.processor.items()))
    return "\n\n".join(
        (
            f"{found.load.photos:,} photos of {found.load.sizes} bytes, {rate.latency_ms:g} ms and "
            f"{rate.mbit:g} Mbit/s. {machine()}",
            table(head, rows),
            f"**Ratio to icloudpd: {found.ratio:.1f}; {found.of_line:.0%} of the line** (goal: {goal}). "
            f"The first file was recorded after {ours.first_file:.1f} s. Requests: {_counts(ours.requests)}. "
            f"Processor seconds while photoduct worked: {used} (icloud and line are the simulator's).",
        )
    )


def _speed(
    name: str, files: int, size: int, seconds: float, race: Race, peak: float
) -> tuple[str, ...]:
    rate = size / seconds
    of_line = rate / race.load.rate.bytes_per_second
    each = (f"{files:,}", f"{seconds:.1f}", f"{rate / _MB:.1f}", f"{of_line:.0%}")
    return (name, *each, f"{files / seconds:.1f}", f"{peak:.0f}")


def looks(found: NothingNew) -> str:
    """Show what looks cost."""
    assert found.twenty is not None
    assert found.peer_nothing is not None
    assert found.peer_twenty is not None
    rows = [
        ("photoduct, running", "nothing", *_looks(found.running), "5 requests, 2 s"),
        ("photoduct, from the start of the process", "nothing", *_looks(found.starting), "5 requests, 2 s"),
        ("icloudpd", "nothing", *_peer(found.peer_nothing, found.size.assets), ""),
        ("photoduct, running", "20 photos of 2 MB", *_looks([found.twenty]), "5 s"),
        ("icloudpd", "20 photos of 2 MB", *_peer(found.peer_twenty, found.size.assets + 20), ""),
    ]  # fmt: skip
    return "\n\n".join(
        (
            f"{found.size.assets:,} assets, the same line. {machine()}",
            table(("program", "new", "requests", "seconds", "which", "goal"), rows),
            f"The first look, with the full history, took {found.listing_seconds:.0f} s "
            f"(listed and recorded by the state service).",
        )
    )


def _looks(found: Sequence[Look]) -> tuple[str, str, str]:
    seconds = [one.seconds for one in found]
    most = max(found, key=lambda one: one.asked)
    shown = f"**{median(seconds):.2f}**"
    if len(found) > 1:
        shown += f" ({min(seconds):.2f} to {max(seconds):.2f})"
    return (f"**{most.asked}**", shown, _counts(most.requests))


def _peer(found: Brought, assets: int) -> tuple[str, str, str]:
    asked = f"{sum(found.requests.values()):,}"
    seconds = f"{found.seconds:.0f}"
    if not found.finished:
        seconds += f", ended after {found.looked_at:,} of {assets:,}"
    return (asked, seconds, _counts(found.requests))


def memories(found: Sequence[Taken]) -> str:
    """Show the peaks."""
    rows = [
        (
            one.what,
            f"**{one.most.peak_rss:.0f}**",
            f"{one.most.pss:.0f}",
            f"{one.seconds:.0f}",
            f"{one.peer.memory.peak_rss:.0f}"
            + ("" if one.peer.finished else f" (ended after {one.peer.seconds:.0f} s)"),
        )
        for one in found
    ]
    head = ("with", "downloader's peak, MB", "largest PSS, MB", "seconds", "icloudpd's peak, MB")
    return f"Goal: below 200 MB. {machine()}\n\n{table(head, rows)}"


def storms(found: Weathered) -> str:
    """Show how a storm ended."""
    struck = ", ".join(f"{count} {what}" for what, count in found.fired.items() if count)
    in_flight = sum(kill.in_flight for kill in found.kills)
    rows = [
        ("download", f"{found.asked['download']:,}", f"{found.allowed:,}"),
        ("records/lookup", f"{found.asked.get('records/lookup', 0):,}", f"{found.lookups_allowed:,}"),
        ("changes/zone", f"{found.asked['changes/zone']:,}", f"{found.pages_allowed:,}"),
    ]  # fmt: skip
    return "\n\n".join(
        (
            f"{found.storm.photos:,} assets, {found.files:,} files, each there once and verified byte for "
            f"byte after {found.seconds:.0f} s; quarantined: {found.quarantined}; partial files left: "
            f"{found.left_behind}. Faults: {struck}. Kills: {len(found.kills)}, with {in_flight} "
            f"downloads under way. {machine()}",
            table(("requests", "made", "explained"), rows),
        )
    )


def _counts(requests: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(requests.items()))
