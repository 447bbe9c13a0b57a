"""The line between client and simulator: its latency and its one bucket of bandwidth; off at first."""

import asyncio
from dataclasses import dataclass

from simulators.icloud.contents import MIB

_FINE = 1 << 16


@dataclass
class Line:
    """Delays answers and shares a bandwidth among all downloads; 0 turns either off."""

    latency_ms: float = 0
    mbit: float = 0
    _free_at: float = 0

    @property
    def piece(self) -> int:
        """The most bytes to send at once: small ones, where downloads have to share."""
        return _FINE if self.mbit else MIB

    async def wait(self) -> None:
        """Let the latency of one answer pass."""
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)

    async def carry(self, size: int) -> None:
        """Wait until the line has carried so many bytes more."""
        if not self.mbit:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size * 8 / (self.mbit * 1e6)
        if (late := self._free_at - now) > 0:
            await asyncio.sleep(late)
