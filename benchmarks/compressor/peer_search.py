"""Finds what a tool would need for a given score, and who is on the front of size against time; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SLOPE = 0.6  # points of the score for a step of quality, about
_PATIENCE = 6


@dataclass(frozen=True, slots=True)
class Try:
    """One rendition: bytes, and its score against the original."""

    size: int
    score: float


def size_at(
    wanted: float,
    attempt: Callable[[int], Try],
    known: Mapping[int, Try],
    worst: int = 30,
    best: int = 98,
) -> float | None:
    """Return the bytes that a rendition of exactly the wanted score would have; None when even `best` scores less.

    Narrows the whole-numbered quality down from the one that is `known`, between `worst` and `best`, to the two neighbours around the
    score, and goes by both (in the logarithm of the size), so that no tool is at a disadvantage for the steps of its scale. At `worst` it
    ends, with that size.
    """
    tried = dict(known)
    low, high = worst, best
    for quality in known:
        low, high = _narrowed(low, high, quality, reached=tried[quality].score >= wanted)
    while high - low > 1:
        quality = min(max(_guess(tried, low, high, wanted), low + 1), high - 1)
        tried[quality] = attempt(quality)
        low, high = _narrowed(low, high, quality, reached=tried[quality].score >= wanted)
    for end in (low, high):
        if end not in tried:
            tried[end] = attempt(end)
    below, above = tried[low], tried[high]
    if above.score < wanted or below.score >= wanted:
        return None if above.score < wanted else below.size
    part = (wanted - below.score) / (above.score - below.score)
    return float(below.size * (above.size / below.size) ** part)


def _narrowed(low: int, high: int, quality: int, *, reached: bool) -> tuple[int, int]:
    return (low, quality) if reached else (quality, high)


def _guess(tried: Mapping[int, Try], low: int, high: int, wanted: float) -> int:
    """Return the quality to try next: on the line between both ends, or from the only one that is known; else the middle."""
    if len(tried) > _PATIENCE:
        return (low + high) // 2
    if low in tried and high in tried:
        below, above = tried[low].score, tried[high].score
        return low + int((high - low) * (wanted - below) / (above - below))
    end, away = (low, 1) if low in tried else (high, -1)
    gap = abs(wanted - tried[end].score) / _SLOPE if end in tried else (high - low) / 2
    return end + away * (1 + int(gap))


def front(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """Return the names whose (size, seconds) no other point undercuts in one without exceeding in the other."""
    return {
        name
        for name, (size, seconds) in points.items()
        if not any(
            other != (size, seconds) and other[0] <= size and other[1] <= seconds
            for other in points.values()
        )
    }
