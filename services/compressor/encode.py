"""Compresses one file in a process of its own; never changes the original, and leaves no debris when it fails.

A decoder can crash, hang, or eat memory on a bad file: it runs in a child with limits, which is killed with its
ffmpeg when the job is cancelled or out of time. Nothing heavy is imported here, so the waiting service stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from services.compressor.pool.child import ask
from services.compressor.pool.leftovers import unfinished
from services.compressor.tiers.profiles import BALANCED
from services.compressor.verdict import Compressed, Left, Limits, Unreadable
from shared.adapters.local_files import place, sorted_errors, sync_dir, sync_path
from shared.domain.errors import Permanent, PhotoductError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from services.compressor.tiers.tier import Tier
    from services.compressor.verdict import Progress


class TargetTaken(Permanent):
    """Something lies at the target already, of an earlier try perhaps; nothing was done."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to compress: absolute paths, times with a zone, `seconds` of wall time at most.

    `target` must not exist, and lies on the disk where the rendition shall stay; one of another form gets its suffix behind
    that name. The tier is chosen by the age, by `albums`, and by name, size and camera of the source.
    """

    source: Path
    target: Path
    created: datetime
    now: datetime
    tiers: tuple[Tier, ...] = BALANCED
    seconds: float = 3600.0
    limits: Limits = field(default_factory=Limits)
    albums: tuple[str, ...] = ()


async def compress(
    job: Job, progress: Progress = lambda _: None, frames: Callable[[int], None] = lambda _: None
) -> Compressed | Left | Unreadable:
    """Decode the source completely, and put a smaller rendition at the target where that is worth it.

    Raises TargetTaken, Permanent (the decoder crashed or hung on this file), Transient (killed from outside,
    disk trouble), Waiting (disk full, no room for a process), Fatal (no ffmpeg). Cancelling kills the child at once.
    """
    _check(job)
    started = time.monotonic()
    with unfinished(job.target) as temp:
        answer = await ask(_request(job, temp), job.seconds, progress, frames)
        return await _settle(job, temp, answer, started)


async def tier_of(job: Job) -> str:
    """Return the name of the tier that the source falls into; raises as `compress`."""
    request = {**_request(job, job.target), "only_tier": True}
    answer = await ask(request, job.seconds, lambda _: None)
    if "tier" in answer:
        return str(answer["tier"])
    raise _disk_trouble(job, answer.get("errno", 0), answer["reason"])


def _check(job: Job) -> None:
    if not (job.source.is_absolute() and job.target.is_absolute()):
        raise Permanent(f"Paths must be absolute: {job.source}, {job.target}.")
    if os.path.lexists(job.target):
        raise TargetTaken(f"{job.target} is there already; it is not replaced.")


def _request(job: Job, temp: Path) -> dict[str, Any]:
    return {
        "source": str(job.source),
        "temp": str(temp),
        "tiers": [asdict(tier) for tier in job.tiers],
        "age": (job.now - job.created).total_seconds(),
        "albums": list(job.albums),
        "only_tier": False,
        "limits": asdict(job.limits),
        "seconds": job.seconds,
    }


async def _settle(
    job: Job, temp: Path, answer: dict[str, Any], started: float
) -> Compressed | Left | Unreadable:
    match answer.pop("answer"):
        case "made":
            target = job.target.with_name(job.target.name + answer.pop("added"))
            await _publish(temp, target)
            seconds = round(time.monotonic() - started, 3)
            return Compressed(path=target, seconds=seconds, **answer)
        case "left":
            return Left(**answer)
        case "unreadable":
            return Unreadable(answer["reason"])
        case _:
            raise _disk_trouble(job, answer["errno"], answer["reason"])


def _disk_trouble(job: Job, code: int, reason: str) -> PhotoductError:
    """Sort what the disk answered in the child as if it had happened here."""
    try:
        with sorted_errors(job.target):
            raise OSError(code or errno.EIO, reason)
    except PhotoductError as error:
        return error


async def _publish(temp: Path, target: Path) -> None:
    """Put the rendition in its place; a thread can't be cancelled, so a cancelled one is undone when it is over."""
    placing = asyncio.ensure_future(asyncio.to_thread(_place, temp, target))
    try:
        await asyncio.shield(placing)
    except asyncio.CancelledError:
        with contextlib.suppress(PhotoductError, FileNotFoundError):
            await placing
            await asyncio.to_thread(target.unlink)
        raise


def _place(temp: Path, target: Path) -> None:
    with sorted_errors(target):
        sync_path(temp)
        place(temp, target)
        sync_dir(target.parent)
