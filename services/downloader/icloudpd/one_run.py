"""Runs icloudpd once through the whole library, with the stored session's cookies; it can delete nothing in iCloud.

Secrets reach it through its guard's standard input and a private folder: never by arguments, environment or logs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from services.downloader.icloudpd import guard
from services.downloader.icloudpd.output import Output
from services.downloader.icloudpd.verdict import failure, finished, stopped
from shared.adapters.parent_death import DieWith
from shared.domain.errors import Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.downloader.icloudpd.folder import IcloudpdFolder

log = structlog.get_logger(__name__)
_LOOK_S: Final = 1.0
_GRACE_S: Final = 8.0
_AGAIN_S: Final = 3.0
_CHUNK: Final = 1 << 16


class HandOver(Protocol):
    """Gives the session away in icloudpd's form."""

    async def __call__(self) -> Mapping[str, str]:
        """Return texts by file name; raises Waiting while a person has to sign in."""
        ...

    def refused(self) -> None:
        """Hear that icloudpd's session was refused: the next one has to be another."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run is stopped, in seconds."""

    quiet: float
    longest: float


@dataclass(frozen=True, slots=True)
class IcloudpdRun:
    """One run after another, as often as it is called."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: IcloudpdFolder
    secrets: Path
    hand_over: HandOver
    limits: Limits

    async def __call__(self) -> None:
        """Run to the end; raises Waiting with a sentence when it did not get through. Cancelled, it ends within seconds."""
        await asyncio.to_thread(self.folder.claim)
        texts = await self.hand_over()
        await asyncio.to_thread(self.secrets.mkdir, mode=0o700, parents=True, exist_ok=True)
        log.info("icloudpd goes through the library.", folder=str(self.folder.path))
        process = await self._start()
        output = Output()
        try:
            await _tell(process, texts)
            await _Watch(self.folder, self.limits).follow(process, output)
            status = await process.wait()
        finally:
            await _end(process)
            await asyncio.to_thread(self.folder.look_again)
        self._judge(status, output)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", guard.__file__),  # by its path: it needs nothing of ours
            str(self.folder.marker),
            str(self.secrets),
            *self.command,
            env=dict(self.environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=DieWith(os.getpid()),
        )

    def _judge(self, status: int, output: Output) -> None:
        """Write the log line of a run that is through; raise Waiting for any other."""
        lines = output.lines()
        if status == guard.BUSY:
            raise Waiting(
                "", attention="", retry_after=5
            )  # one that an earlier process left is ending
        if not finished(lines) or status != 0:
            error = failure(status, lines)
            if output.downloaded and error.attention == "icloud-unreachable":
                # One broken connection ends its whole run; it came further, so nobody needs to know.
                raise Waiting("icloudpd's connection broke", attention="", retry_after=_AGAIN_S)
            if error.attention == "icloud-session":
                self.hand_over.refused()
            raise error
        log.info(
            "icloudpd is through the library.", downloaded=output.downloaded, errors=output.errors
        )


@dataclass(slots=True)
class _Watch:
    """Reads what a run says and stops one that hangs, fills the disk or takes too long."""

    folder: IcloudpdFolder
    limits: Limits
    _started: float = field(default_factory=time.monotonic)
    _alive: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)

    async def follow(self, process: asyncio.subprocess.Process, output: Output) -> None:
        """Read to the end; raises Waiting when the run has to be stopped."""
        reader = process.stdout
        while reader is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    if not (chunk := await reader.read(_CHUNK)):
                        return
                    output.take(chunk)
                    self._alive = time.monotonic()
            if time.monotonic() - self._looked >= _LOOK_S:
                await self._look()

    async def _look(self) -> None:
        now = self._looked = time.monotonic()
        await asyncio.to_thread(self.folder.check_room)
        if now - self._started > self.limits.longest:
            raise stopped(f"it ran for {self.limits.longest / 3600:.0f} hours")
        if now - self._alive > self.limits.quiet and not await self._receives():
            raise stopped(f"it did and said nothing for {self.limits.quiet / 60:.0f} minutes")

    async def _receives(self) -> bool:
        """Say whether a file has grown meanwhile: during a long film it says nothing."""
        grew = await asyncio.to_thread(self.folder.received_at)
        return time.time() - grew < self.limits.quiet


async def _tell(process: asyncio.subprocess.Process, texts: Mapping[str, str]) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):  # it has ended already; its status says why
        process.stdin.write(json.dumps(dict(texts)).encode())
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the guard, and with it all that it started; done already when it has ended."""
    for ask, seconds in ((process.terminate, _GRACE_S), (process.kill, _LOOK_S)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            ask()
        # Bounded, because asyncio also waits for whoever else holds the pipe.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()


def environment(ca_bundle: Path | None) -> dict[str, str]:
    """Return what icloudpd needs of our environment: none of photoduct's settings; dates are in UTC, as those of our work."""
    kept = (
        *("PATH", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"),
        *("ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
    )
    found = {name: os.environ[name] for name in kept if name in os.environ}
    own = {"REQUESTS_CA_BUNDLE": str(ca_bundle)} if ca_bundle is not None else {}
    return {**found, "TZ": "UTC", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **own}
