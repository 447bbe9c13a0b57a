"""One round of clearing up after killed processes, told once with its counts; what may be removed is the caller's to say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()


class Counts(Protocol):
    """What was removed."""

    @property
    def files(self) -> int:
        """How many files."""
        ...

    @property
    def size(self) -> int:
        """Their bytes that are free now."""
        ...


class Sweep:
    """Something to do by a rhythm."""

    def __init__(self, sweep: Callable[[], Counts]) -> None:
        self._sweep = sweep

    async def __call__(self) -> None:
        """Sweep in a thread; raises what the sweep raises, and then it is tried again."""
        swept = await asyncio.to_thread(self._sweep)
        if swept.files:
            log.info("Removed what killed processes had left.", files=swept.files, bytes=swept.size)
