"""Lets requests to iCloud out at the pace that Apple takes; it fails nothing and forgets nobody who waits.

Downloads and CloudKit have a limiter each: other hosts serve them, and a throttle of one does not stop the other.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.downloader.policy import Pace, next_kind
from shared.domain.ids import Kind
from shared.ports.icloud import Declined, SlowedDown, StillSlow, UrlExpired

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.downloader.ports import AttentionBook
    from shared.ports.watching import Observe

SLOW: Final = "icloud-slow"
_WORTH_TELLING: Final = 30.0
"""Seconds of waiting from which on a person may want to know."""


class Turn:
    """One request that may go out."""

    def __init__(self, limiter: Limiter, epoch: int) -> None:
        self._limiter = limiter
        self.epoch = epoch
        self.over = False
        self.used = True

    def answered(self) -> None:
        """Say that iCloud answers, and asks for no patience: a long answer need not be waited for."""
        if not self.over:
            self.over = True
            self._limiter.answered(self.epoch)

    def not_used(self) -> None:
        """Say that nothing was asked: another one goes ahead instead, and no answer is claimed."""
        self.used = False


class Limiter:
    """One kind of requests."""

    def __init__(self, name: str, most: int, attention: AttentionBook, observe: Observe) -> None:
        self._name = name
        self._pace = Pace.full(most)
        self._attention = attention
        self._observe = observe
        self._waiting: dict[Kind, deque[asyncio.Future[int]]] = {kind: deque() for kind in Kind}
        self._running: Counter[Kind] = Counter()
        self._last: Kind | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._told = False
        self.answers = 0
        """Requests of everybody that were answered so far."""

    @property
    def hungry(self) -> bool:
        """Whether so few wait for a turn that one may soon be left over: a look-up lasts as long as a few small files."""
        return 2 * sum(map(len, self._waiting.values())) < 3 * self._pace.limit

    @asynccontextmanager
    async def turn(self, kind: Kind = Kind.PHOTO) -> AsyncIterator[Turn]:
        """Wait for a turn, and hold it; SlowedDown, raised inside, slows everybody down and is raised on."""
        turn = Turn(self, await self._granted(kind))
        try:
            yield turn
        except SlowedDown as error:
            turn.over = True
            if not isinstance(error, StillSlow):
                self._observe.slowed(self._name)
            await self._slowed(turn.epoch, error.retry_after)
            raise
        except (Declined, UrlExpired):
            turn.answered()
            raise
        else:
            if turn.used:
                turn.answered()
        finally:
            self._ended(kind, turn)
        if self._told:
            self._told = False
            await self._attention.cleared(SLOW, by=self._name)

    def answered(self, epoch: int) -> None:
        """Note an answer; more may go out now."""
        self.answers += 1
        self._pace = self._pace.answered(epoch)
        self._let_out()

    async def _granted(self, kind: Kind) -> int:
        """Wait for a turn and return its epoch; one that Apple's wish overtook is given back."""
        while (epoch := await self._offered(kind)) != self._pace.epoch:
            self._running[kind] -= 1
            self._let_out()
        return epoch

    async def _offered(self, kind: Kind) -> int:
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[kind].append(turn)
        self._let_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came just then: the next may have it
                self._running[kind] -= 1
                self._pace = self._pace.lost(turn.result())
            self._let_out()
            raise

    async def _slowed(self, epoch: int, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._pace = self._pace.slowed(epoch, until)
        if seconds >= _WORTH_TELLING:
            self._told = True
            text = f"Apple slows us down: its {self._name} wait for {round(seconds)} seconds"
            await self._attention.raised(SLOW, text, by=self._name)

    def _ended(self, kind: Kind, turn: Turn) -> None:
        self._running[kind] -= 1
        if not turn.over:
            self._pace = self._pace.lost(turn.epoch)
        self._let_out()

    def _let_out(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pace.may_start(loop.time(), self._running.total()):
            kinds = [kind for kind in Kind if self._someone(kind)]
            kind = next_kind(kinds, self._running, self._pace.limit, self._last)
            if kind is None:
                break
            self._pace = self._pace.started()
            self._running[kind] += 1
            self._last = kind
            self._waiting[kind].popleft().set_result(self._pace.epoch)
        self._observe.pace(self._name, self._pace.limit, self._running.total())
        self._wake_up_later(loop)

    def _someone(self, kind: Kind) -> bool:
        """Say whether anybody waits who has not given up."""
        waiting = self._waiting[kind]
        while waiting and waiting[0].done():
            del waiting[0]
        return bool(waiting)

    def _wake_up_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if loop.time() < self._pace.not_before:
            self._alarm = loop.call_at(self._pace.not_before, self._let_out)
