"""Gives out turns to encode: never more at once than there are slots, and no kind waits while the other has them all by habit.

A free slot goes to the kind that has fewer running, where both have as many to the one that has had less time; what one
kind does not want, the other gets. With two slots or more, each kind that waits thus has one as soon as a slot falls free; with one,
photos get as long after a video as it took. A turn is never taken back: a photo may wait for the end of a video, and fewer
slots count from the next end on.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.domain.ids import Kind

_LOOK_S: Final = 5.0
_AWAY_S: Final = 10.0
"""A kind of which nothing came for longer was away; for less, the next one was only on its way."""


class Turns:
    """The slots of one service, shared by its lanes."""

    def __init__(self, slots: int, now: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._now = now
        self._running: Counter[Kind] = Counter()
        self._waiting: defaultdict[Kind, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._had: defaultdict[Kind, float] = defaultdict(float)
        """Seconds of all turns that have ended; only the difference counts."""
        self._left: dict[Kind, float] = {}
        self._last: Kind | None = None
        self.changed: Callable[[], None] = lambda: None
        """Called after turns were given out or given back."""

    def wanted(self, kind: Kind) -> int:
        """Say how many of a kind to have here: what runs, and one that waits; the others are for other machines."""
        return self._running[kind] + 1

    def allow(self, slots: int) -> None:
        """Give out that many turns at once from now on."""
        self._slots = slots
        self._grant()

    @asynccontextmanager
    async def turn(self, kind: Kind) -> AsyncIterator[None]:
        """Wait for a slot and hold it; among one kind, who came first goes first."""
        await self._take(kind)
        began = self._now()
        try:
            yield
        finally:
            self._had[kind] += self._now() - began
            self._give_back(kind)

    async def _take(self, kind: Kind) -> None:
        if not self._is_here(kind) and self._now() - self._left.get(kind, -math.inf) > _AWAY_S:
            self._arrive(kind)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[kind].append(granted)
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted in self._waiting[kind]:
                self._waiting[kind].remove(granted)
            else:  # the turn and the cancellation came together
                self._give_back(kind)
            raise

    def _is_here(self, kind: Kind) -> bool:
        return bool(self._running[kind] or self._waiting[kind])

    def _arrive(self, kind: Kind) -> None:
        """Let a kind that was away make no claim on what it did not want then."""
        others = [had for other, had in self._had.items() if self._is_here(other)]
        self._had[kind] = max(self._had[kind], min(others, default=0.0))

    def _give_back(self, kind: Kind) -> None:
        self._running[kind] -= 1
        self._left[kind] = self._now()
        self._grant()

    def _grant(self) -> None:
        while self._running.total() < self._slots and (kind := self._next()):
            granted = self._waiting[kind].popleft()
            self._running[kind] += 1
            self._last = kind
            if not granted.cancelled():  # one that is gives its turn back by itself
                granted.set_result(None)
        self.changed()

    def _next(self) -> Kind | None:
        waiting = [kind for kind, queue in self._waiting.items() if queue]
        return min(
            waiting,
            key=lambda kind: (self._running[kind], self._had[kind], kind == self._last),
            default=None,
        )


async def keep_share(turns: Turns, slots: Callable[[], int], told: Callable[[int], None]) -> None:
    """Look again and again how many turns may be given out at once, for ever; `told` hears of it."""
    while True:
        turns.allow(now := slots())
        told(now)
        await asyncio.sleep(_LOOK_S)
