"""Finds what a tool would need for a given score, and who is on the front of size against time; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Try:
    """One rendition: bytes, and its score against the original."""

    size: int
    score: float


def size_at(
    wanted: float, attempt: Callable[[int], Try], worst: int = 30, best: int = 98
) -> float | None:
    """Return the bytes that a rendition of exactly the wanted score would have; None when even `best` scores less.

    Bisects the whole-numbered quality between `worst` and `best`, and then goes by the two neighbours around the score (in the logarithm
    of the size), so that no tool is at a disadvantage for the steps of its scale. At `worst` it ends, with that size.
    """
    tried: dict[int, Try] = {}

    def reaches(quality: int) -> bool:
        tried[quality] = attempt(quality)
        return tried[quality].score >= wanted

    low, high = worst, best
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    if high == best and not reaches(best):
        return None
    if low == worst and reaches(worst):
        return tried[worst].size
    below, above = tried[low], tried[high]
    part = (wanted - below.score) / (above.score - below.score)
    return float(below.size * (above.size / below.size) ** part)


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
