"""Says what a case of the corpus is, and which cases a run takes; it makes no file itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from services.compressor.verdict import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from services.compressor.tiers.profiles import Profile

ALL: Final = os.environ.get("PHOTODUCT_CORPUS") == "all"
"""Every case by both profiles, and the big ones; else a sample."""
FOLDER: Final = os.environ.get("PHOTODUCT_CORPUS_FOLDER")
"""Folders of real files (separated as in PATH) that a run adds; nothing in them is changed."""
_EVERY: Final = 12


class End(StrEnum):
    """What may become of a file."""

    COMPRESSED = "compressed"
    LEFT = "left"
    UNREADABLE = "unreadable"
    FAILED = "failed"


COMPRESSED: Final = frozenset({End.COMPRESSED})
LEFT: Final = frozenset({End.LEFT})
UNREADABLE: Final = frozenset({End.UNREADABLE})
KEPT: Final = frozenset({End.LEFT, End.UNREADABLE})
WHOLE: Final = frozenset({End.COMPRESSED, End.LEFT})
ANY: Final = frozenset({End.COMPRESSED, End.LEFT, End.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Case:
    """One file of the corpus: its class (a row of the table), its name, what writes it, and what may become of it.

    `reason` has to be a part of what is said of a file that is not compressed. `big` ones are for the whole run only.
    """

    group: str
    name: str
    make: Callable[[Path], object]
    ends: frozenset[End] = COMPRESSED
    reason: str = ""
    limits: Limits = field(default_factory=Limits)
    big: bool = False


def still(
    group: str,
    name: str,
    made: Callable[[], bytes],
    ends: frozenset[End] = COMPRESSED,
    reason: str = "",
) -> Case:
    """Return a case of which `made` gives the bytes."""

    def write(path: Path) -> None:
        path.write_bytes(made())

    return Case(group, name, write, ends, reason)


@dataclass(frozen=True, slots=True)
class Trial:
    """A case in one tier: the profile's name, and the photo's age in days."""

    case: Case
    profile: Profile
    days: int

    @property
    def id(self) -> str:
        """Names the trial in a run."""
        return f"{self.case.group}: {self.case.name} ({self.profile}, {self.days} days)"


PROFILES: Final[tuple[Profile, ...]] = ("small", "balanced")
_AGES: Final = (10, 700, 2000)


def trials(cases: Sequence[Case]) -> list[Trial]:
    """Return what this run tries: all by both profiles, or every tenth case and one of each class by one of them."""
    chosen = list(enumerate(cases)) if ALL else list(_sample(cases))
    return [
        Trial(case, profile, _AGES[n % len(_AGES)])
        for n, case in chosen
        for profile in (PROFILES if ALL else (PROFILES[n % len(PROFILES)],))
    ]


def _sample(cases: Sequence[Case]) -> Iterator[tuple[int, Case]]:
    seen = set[str]()
    for n, case in enumerate(cases):
        if not case.big and (n % _EVERY == 0 or case.group not in seen):
            seen.add(case.group)
            yield n, case
