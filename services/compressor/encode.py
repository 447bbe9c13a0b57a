"""Compresses one file in a process of its own; never changes the original, and leaves no debris when it fails.

A decoder can crash, hang, or eat memory on a bad file: it runs in a child with limits, which is killed with its
ffmpeg when the job is cancelled or out of time. Nothing heavy is imported here, so the waiting service stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.compressor.policy import BALANCED, Tier, tier_for
from services.compressor.verdict import Compressed, Left, Limits, Progress, Unreadable
from shared.adapters.local_files import place, sorted_errors, sync_dir, sync_path
from shared.domain.errors import Fatal, Permanent, PhotoductError, Transient

if TYPE_CHECKING:
    from datetime import datetime

_ROOT = Path(__file__).parents[2]
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "IMAGEIO_FFMPEG_EXE",
)
_LAST_WORDS = 2000  # characters of the child's stderr that are kept


class TargetTaken(Permanent):
    """Something lies at the target already, of an earlier try perhaps; nothing was done."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to compress: absolute paths, times with a zone, `seconds` of wall time at most.

    `target` must not exist, and lies on the disk where the rendition shall stay.
    """

    source: Path
    target: Path
    created: datetime
    now: datetime
    tiers: tuple[Tier, ...] = BALANCED
    seconds: float = 3600.0
    limits: Limits = field(default_factory=Limits)


async def compress(job: Job, progress: Progress | None = None) -> Compressed | Left | Unreadable:
    """Decode the source completely, and put a smaller rendition at the target where that is worth it.

    Raises TargetTaken, Permanent (the decoder crashed or hung on this file), Transient (killed from outside,
    disk trouble), Waiting (disk full), Fatal (no ffmpeg). Cancelling kills the child at once.
    """
    _check(job)
    temp = job.target.with_name(f".{job.target.name}.partial")
    started = time.monotonic()
    tier = tier_for(job.created, job.now, job.tiers)
    try:
        answer = await _ask(job, tier, temp, progress or (lambda _: None))
        return await _settle(job, tier, temp, answer, started)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temp.unlink()


def _check(job: Job) -> None:
    if not (job.source.is_absolute() and job.target.is_absolute()):
        raise Permanent(f"Paths must be absolute: {job.source}, {job.target}.")
    if os.path.lexists(job.target):
        raise TargetTaken(f"{job.target} is there already; it is not replaced.")


async def _ask(job: Job, tier: Tier, temp: Path, progress: Progress) -> dict[str, Any]:
    """Run the child; return its answer. Raises what its death means."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.compressor.worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT, env=_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(job.seconds):
            _send(child, _request(job, tier, temp))
            answer, words = await asyncio.gather(_listen(child, progress), _last_words(child))
            await child.wait()
    except TimeoutError:
        raise Permanent(
            f"It was not done after {job.seconds:,.0f} seconds and was stopped."
        ) from None
    finally:
        await _end(child)
    if not isinstance(answer, dict):
        raise _death(child.returncode or 0, words)
    return answer


def _environment() -> dict[str, str]:
    """The child decodes hostile bytes: it inherits none of the service's secrets."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _request(job: Job, tier: Tier, temp: Path) -> dict[str, Any]:
    return {
        "source": str(job.source),
        "temp": str(temp),
        "tier": asdict(tier),
        "limits": asdict(job.limits),
        "seconds": job.seconds,
    }


def _send(child: asyncio.subprocess.Process, request: dict[str, Any]) -> None:
    if child.stdin:  # it stays open: its end tells the child that we are gone
        child.stdin.write(json.dumps(request).encode() + b"\n")


async def _listen(child: asyncio.subprocess.Process, progress: Progress) -> dict[str, Any] | None:
    answer: dict[str, Any] | None = None
    async for line in child.stdout or asyncio.StreamReader():
        said = json.loads(line)
        if "progress" in said:
            progress(float(said["progress"]))
        else:
            answer = said
    return answer


async def _last_words(child: asyncio.subprocess.Process) -> str:
    words = b""
    while child.stderr and (more := await child.stderr.read(65536)):
        words = (words + more)[-_LAST_WORDS:]
    return words.decode("utf-8", "replace").strip()


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill the child with all it started, and reap it; a second cancellation does not stop that."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.stdin:
        child.stdin.close()
    await asyncio.shield(child.wait())


def _death(code: int, words: str) -> PhotoductError:
    last = words.splitlines()[-1] if words else "it said nothing"
    if "NoFfmpeg" in last:
        return Fatal(last.partition(": ")[2])
    if code == -signal.SIGKILL:
        return Transient("The encoder was killed from outside, perhaps for want of memory.")
    if code < 0:
        return Permanent(f"The encoder crashed on this file ({signal.Signals(-code).name}).")
    return Permanent(f"The encoder failed on this file: {last}")


async def _settle(
    job: Job, tier: Tier, temp: Path, answer: dict[str, Any], started: float
) -> Compressed | Left | Unreadable:
    match answer.pop("answer"):
        case "made":
            await _publish(temp, job.target)
            seconds = round(time.monotonic() - started, 3)
            return Compressed(path=job.target, tier=tier.name, seconds=seconds, **answer)
        case "left":
            return Left(tier=tier.name, **answer)
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
