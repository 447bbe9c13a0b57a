"""Runs something again and again by a rhythm, at once when asked to; a failure of it is told and retried, never swallowed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from shared.domain.errors import Fatal, Permanent, Transient, Waiting
from shared.runtime.rhythm import interval, next_due

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.adapters.prometheus import Metrics
    from shared.ports.clock import Clock
    from shared.runtime.attention import AttentionBook

log = structlog.get_logger()
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 300.0
_DOUBLED_AT_MOST: Final = 20
"""A wait can last for months: the power of two of its looks is no number any more."""
_UNEXPECTED: Final = "failing"


@dataclass(frozen=True, slots=True)
class Loop:
    """One thing to do by a rhythm; `wake` set from outside means: now."""

    name: str
    rhythm: str
    do: Callable[[], Awaitable[object]]
    wake: asyncio.Event
    clock: Clock
    metrics: Metrics
    attention: AttentionBook

    async def run(self) -> None:
        """Do it for ever: an interval starts at once, a cron pattern at its time; raises Fatal."""
        pause = 0.0 if interval(self.rhythm) else self._until_due()
        failures = 0
        while True:
            await self._wait(pause)
            wish = await self._try(failures)
            failures = 0 if wish is None else failures + 1
            pause = self._until_due() if wish is None else wish

    async def _try(self, failures: int) -> float | None:
        """Do it once; return seconds until the next try when it failed, None when it did not."""
        grown = _FIRST_PAUSE_S * 2.0 ** min(failures, _DOUBLED_AT_MOST)
        pause = min(grown, _LONGEST_PAUSE_S, max(1.0, self._until_due()))
        try:
            await self.do()
        except Waiting as error:
            await self.attention.raised(error.attention, str(error), by=self.name)
            return error.retry_after
        except Transient as error:
            log.warning("A look failed and is tried again.", loop=self.name, reason=str(error))
            return error.retry_after or pause
        except Fatal:
            raise
        except Permanent as error:
            await self._failing(str(error))
        except Exception as error:  # a bug must be seen, and must not end the service
            log.exception("A look failed unexpectedly.", loop=self.name)
            await self._failing(f"unexpected {error!r}")
        else:
            await self.attention.cleared_by(self.name)
            self.metrics.last_success.labels(self.name).set(self.clock.now().timestamp())
            return None
        return pause

    async def _failing(self, reason: str) -> None:
        await self.attention.raised(f"{self.name}_{_UNEXPECTED}", reason, by=self.name)

    def _until_due(self) -> float:
        now = self.clock.now()
        return max(0.0, (next_due(self.rhythm, now) - now).total_seconds())

    async def _wait(self, seconds: float) -> None:
        due = self.clock.now() + timedelta(seconds=seconds)
        self.metrics.next_run.labels(self.name).set(due.timestamp())
        log.debug("Waiting for the next time.", loop=self.name, due=due.isoformat())
        try:
            async with asyncio.timeout(seconds):  # not wait_for: 3.11's can swallow a cancellation
                await self.wake.wait()
        except TimeoutError:
            return
        finally:
            self.wake.clear()
