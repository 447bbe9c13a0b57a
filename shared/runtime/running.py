"""Runs lanes and loops until a signal or a Fatal, and ends them in less than ten seconds; it gives back what is left."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.runtime.lane import Lane

log = structlog.get_logger()
GRACE_S: Final = 6.0
"""What is left of ten seconds is for giving back, on a busy machine too."""
_LOOK_AT_WINDOW_S: Final = 5.0


async def run_until(
    ended: asyncio.Future[None],
    lanes: Sequence[Lane],
    loops: Sequence[Callable[[], Awaitable[None]]],
) -> None:
    """Run all until `ended` is done or one of them breaks; then stop them, and raise what broke."""
    tasks = [asyncio.ensure_future(lane.run()) for lane in lanes]
    turning = [asyncio.ensure_future(loop()) for loop in loops]
    waiting: set[asyncio.Future[None]] = {*tasks, *turning, ended}
    try:
        done: set[asyncio.Future[None]] = set()
        while not ended.done() and not any(_broke(task) for task in done):
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, *turning):
            task.cancel()
        await asyncio.gather(*(lane.stop(GRACE_S) for lane in lanes))
        results = await asyncio.gather(*tasks, *turning, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    if not ended.cancelled():
        ended.result()


def _broke(task: asyncio.Future[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


def end_on_signals(ended: asyncio.Future[None]) -> None:
    """Let SIGTERM and SIGINT end the service in peace."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ended, number)


def _end(ended: asyncio.Future[None], number: signal.Signals) -> None:
    log.info("Stopping.", signal=number.name)
    if not ended.done():
        ended.set_result(None)


def forget_signals() -> None:
    """Take the handlers back."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):
            loop.remove_signal_handler(number)


async def keep_window(open_now: Callable[[], bool], lanes: Sequence[Lane]) -> None:
    """Pause the lanes while the window is closed; what is under way goes on."""
    was_open = True
    while True:
        now_open = open_now()
        if now_open != was_open:
            log.info("The window opened." if now_open else "The window closed.")
        for lane in lanes:
            lane.resume() if now_open else lane.pause()
        was_open = now_open
        await asyncio.sleep(_LOOK_AT_WINDOW_S)
