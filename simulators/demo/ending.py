"""Ends the demo in good order at Ctrl-C, SIGTERM or a closed terminal; a second signal cannot cut the clearing up short."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

STOPPED: Final = 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Whether a signal asked for the end; the first one acts, the others are ignored."""

    def __init__(self) -> None:
        self.asked = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def listen(self) -> None:
        """Take the signals of this process."""
        for number in _SIGNALS:
            signal.signal(number, self._ask)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the coroutine; KeyboardInterrupt after it has been cancelled and has cleared up."""
        try:
            asyncio.run(self._run(work))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._running = (asyncio.get_running_loop(), task)
        try:
            await task
        finally:
            self._running = None

    def _ask(self, _number: int, _frame: object) -> None:
        if self.asked:
            return
        self.asked = True
        if self._running is None:
            raise KeyboardInterrupt
        loop, task = self._running
        loop.call_soon_threadsafe(task.cancel)
