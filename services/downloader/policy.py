"""How fast iCloud may be asked, whose turn it is, and when a download is begun again: pure decisions, they ask nobody.

A `Pace` raises its limit by one for every round of answers and halves it when Apple wants to be asked less. Nobody asks
before the moment that Apple names; then one request goes ahead alone, and only its answer lets the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from shared.domain.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TRIES: Final = 3
"""Times that a download is begun again, unless it moves on."""
REFUSED: Final = 6
"""Times that one file may be refused while others are served: each of them holds everybody up."""
MOVED_ON: Final = 16 << 20
"""Bytes that make a broken try count as one that moved on: a bad line may break a 4 GB video a hundred times."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests of one kind may be on their way; `epoch` counts Apple's wishes to be asked less."""

    most: int
    limit: int
    not_before: float = 0.0
    probe: Literal["none", "wanted", "out"] = "none"
    epoch: int = 0
    cut: int = 0
    """The epoch that the last halving began: what was asked before it halves nothing again."""
    answers: int = 0

    @classmethod
    def full(cls, most: int) -> Pace:
        """Begin with all that the settings allow."""
        return cls(most, most)

    def may_start(self, now: float, in_flight: int) -> bool:
        """Say whether one more request may go out at `now` (seconds of any clock that never goes back)."""
        if now < self.not_before or self.probe == "out":
            return False
        return self.probe == "wanted" or in_flight < self.limit

    def started(self) -> Pace:
        """Note that a request goes out; its epoch is this pace's."""
        return replace(self, probe="out") if self.probe == "wanted" else self

    def answered(self, epoch: int) -> Pace:
        """Note an answer to a request of `epoch` that asks for no patience."""
        if epoch != self.epoch:
            return self
        if self.probe != "none":
            return replace(self, probe="none", answers=0)
        if self.answers + 1 < self.limit or self.limit == self.most:
            return replace(self, answers=min(self.answers + 1, self.limit))
        return replace(self, limit=self.limit + 1, answers=0)

    def lost(self, epoch: int) -> Pace:
        """Note a request of `epoch` without an answer: it says nothing about Apple's patience."""
        if epoch == self.epoch and self.probe == "out":
            return replace(self, probe="wanted")
        return self

    def slowed(self, epoch: int, until: float) -> Pace:
        """Note that a request of `epoch` was answered with the wish to be left alone until then."""
        news = epoch >= self.cut
        return replace(
            self,
            limit=max(1, self.limit // 2) if news else self.limit,
            cut=self.epoch + 1 if news else self.cut,
            epoch=self.epoch + 1,
            not_before=max(self.not_before, until),
            probe="wanted",
            answers=0,
        )


def videos_at_most(limit: int) -> int:
    """Return how many of `limit` downloads may be videos: a quarter stays free for photos, which are done in seconds."""
    return max(1, limit - max(1, limit // 4))


def next_kind(
    waiting: Collection[Kind], running: Mapping[Kind, int], limit: int, last: Kind | None
) -> Kind | None:
    """Return whose turn it is: that of which fewer are on their way, by turns where both are alike; None for nobody's."""
    may = [
        kind
        for kind in (Kind.PHOTO, Kind.VIDEO)
        if kind in waiting and (kind is Kind.PHOTO or running.get(kind, 0) < videos_at_most(limit))
    ]
    return min(may, key=lambda kind: (running.get(kind, 0), kind is last), default=None)


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often a file was refused with the wish to be asked less, although others were served in the meantime."""

    heard: int
    """Answers to everybody at the last look."""
    count: int = 0

    def after(self, answers: int) -> Refusals | None:
        """Return the refusals so far, None when it is not Apple's patience that this file lacks."""
        alone = answers > self.heard
        return Refusals(answers, self.count + alone) if self.count + alone <= REFUSED else None


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a download was begun again without moving on."""

    used: int = 0

    def after(self, gained: int) -> Patience | None:
        """Return the patience left after a try that brought so many bytes, None when it has run out."""
        if gained >= MOVED_ON:
            return Patience(1)
        return Patience(self.used + 1) if self.used < TRIES else None

    @property
    def pause(self) -> float:
        """Return the seconds to wait before the next try; the caller adds chance to them."""
        return 0.25 * 3.0 ** (self.used - 1) if self.used else 0.0
