"""Holds a lane's tasks while the world is not ready, and lets one at a time try; it gives nothing back to the bus.

Work that waits stays with its worker (kept alive by heartbeats): giving it back would count as a delivery each
time, and a week without NAS would use all of them up.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Gate:
    """Open at first."""

    def __init__(self) -> None:
        self._closed = False
        self._not_before = 0.0
        self._probing = asyncio.Lock()

    def close(self, seconds: float) -> None:
        """Let nobody try for that long, and then one at a time."""
        self._closed = True
        self._not_before = asyncio.get_running_loop().time() + seconds

    @property
    def closed(self) -> bool:
        """Whether the last try found the world not ready."""
        return self._closed

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; a probe that gets through without an exception opens the gate for all."""
        if self._closed:
            async with self._probing:
                if self._closed:
                    left = self._not_before - asyncio.get_running_loop().time()
                    await asyncio.sleep(max(0.0, left))
                    yield
                    self._closed = False
                    return
        yield
