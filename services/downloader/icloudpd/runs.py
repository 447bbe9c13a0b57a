"""Says whether a run of icloudpd is needed, and lets one at a time happen, in the background; it touches no file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from services.downloader.icloudpd.verdict import RunFailed
from shared.domain.errors import PhotoductError, Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)
_LONGEST_PAUSE_S: Final = 3600.0
_LOOK_S: Final = 2.0
"""How often work looks whether its file has come."""


class Runs:
    """The last run's end and the one under way; it remembers nothing beyond this process."""

    def __init__(self, run: Callable[[], Awaitable[None]], *, pause: float) -> None:
        self._run = run
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._through_at: float | None = None
        self._again = False
        self._failed: tuple[float, Waiting] | None = None
        self._failures = 0

    def require_recent(self) -> None:
        """Return when a run came through within the pause, so that what it did not bring, the next will not either.

        Starts a run where one is due. Raises Waiting: silently while one is under way, in the run's words after a failed one.
        """
        now = asyncio.get_running_loop().time()
        self._reap(now)
        if self._task is not None:
            raise Waiting("icloudpd is under way", attention="", retry_after=_LOOK_S)
        if self._failed is not None and now < self._failed[0]:
            until, error = self._failed
            raise Waiting(str(error), attention=error.attention, retry_after=until - now)
        if self._through_at is not None and now < self._through_at + self._pause:
            return
        self._again = True
        self._start()
        raise Waiting("icloudpd was started", attention="", retry_after=_LOOK_S)

    def once_more(self) -> None:
        """Start one run more although the last has just ended, once after each regular one; return when that was done.

        Raises Waiting when it was started now or by others.
        """
        if self._task is None and not self._again:
            return
        if self._task is None:
            self._again = False
            self._start()
        raise Waiting("icloudpd fetches a file again", attention="", retry_after=_LOOK_S)

    async def close(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _start(self) -> None:
        self._failed = None
        self._task = asyncio.create_task(self._safely())

    async def _safely(self) -> None:
        """Run; an error of ours must neither be lost nor end the service."""
        try:
            await self._run()
        except Waiting:
            raise
        except PhotoductError as error:
            raise Waiting(str(error), attention="icloudpd", retry_after=300) from error

    def _reap(self, now: float) -> None:
        if self._task is None or not self._task.done():
            return
        task, self._task = self._task, None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._through_at, self._failures = now, 0
            return
        waiting = error if isinstance(error, Waiting) else _unexpected(error)
        self._failed = (now + self._patience(waiting), waiting)
        if waiting.attention:
            log.warning("icloudpd did not get through.", reason=str(waiting))

    def _patience(self, error: Waiting) -> float:
        """Return seconds until the next run: twice as many after each failure in a row, lest Apple be pestered."""
        if not isinstance(error, RunFailed):
            return error.retry_after
        self._failures += 1
        grown = error.retry_after * 2.0 ** min(self._failures - 1, 20)
        return min(grown, max(error.retry_after, _LONGEST_PAUSE_S))


def _unexpected(error: BaseException) -> RunFailed:
    text = f"running icloudpd failed unexpectedly ({type(error).__name__})"
    log.error("Running icloudpd failed unexpectedly.", exc_info=error)
    return RunFailed(text, attention="icloudpd", retry_after=600)
