"""Compresses one file of the corpus through the compressor's own door, and holds what comes out to its promises."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from services.compressor.encode import Job, compress
from services.compressor.tiers.profiles import PROFILES, Profile
from services.compressor.tiers.tier import Still
from services.compressor.verdict import Compressed, Left, Limits, Unreadable
from shared.domain.errors import Permanent
from tests.corpus.cases import End

if TYPE_CHECKING:
    from pathlib import Path

_NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
_SECONDS: Final = 3600
_TIERS: Final = {
    name: tuple(
        replace(tier, webp=Still("libwebp", 75, 60), avif=Still("aom", 65, 60)) for tier in tiers
    )
    for name, tiers in PROFILES.items()
}
"""The profiles, with an order for what they leave of people's own tiers."""
_NOT_FOR_PEOPLE: Final = re.compile(
    r"Traceback|[A-Z]\w*Error\b|Exception|0x[0-9a-f]{4}|[Ee]rrno|<class|object at|\bNone\b"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: how it ended, why it was not compressed, its bytes before and after, what was done."""

    group: str
    end: End
    reason: str
    before: int
    after: int
    settings: str = ""


@dataclass
class Tally:
    """All outcomes of a run, for the table at its end."""

    outcomes: list[Outcome] = field(default_factory=list)


TALLY: Final = Tally()


async def attempt(
    group: str,
    source: Path,
    target: Path,
    profile: Profile,
    days: int,
    limits: Limits | None = None,
) -> Outcome:
    """Compress `source`; assert that it is unchanged and nothing lies about, and that a reason is one for people."""
    before = _stamp(source)
    job = Job(
        source,
        target,
        _NOW - timedelta(days=days),
        _NOW,
        _TIERS[profile],
        _SECONDS,
        limits or Limits(),
    )
    outcome = await _outcome(group, job)
    TALLY.outcomes.append(outcome)
    assert _stamp(source) == before, "the original was changed"
    assert {path.name for path in target.parent.iterdir()} == (
        {target.name} if outcome.end is End.COMPRESSED else set()
    )
    if outcome.end is not End.COMPRESSED:
        check_words(outcome.reason)
    return outcome


def _stamp(path: Path) -> tuple[bytes, int, int, int]:
    about = path.stat()
    digest = hashlib.sha256(path.read_bytes()).digest()
    return digest, about.st_mtime_ns, about.st_mode, about.st_ino


async def _outcome(group: str, job: Job) -> Outcome:
    size = job.source.stat().st_size
    try:
        found = await compress(job)
    except Permanent as error:
        return Outcome(group, End.FAILED, str(error), size, size)
    match found:
        case Compressed():
            assert found.size == job.target.stat().st_size <= 0.98 * size, "it grew"
            assert hashlib.sha256(job.target.read_bytes()).hexdigest() == found.sha256
            return Outcome(group, End.COMPRESSED, "", size, found.size, found.settings)
        case Left():
            return Outcome(group, End.LEFT, found.reason, size, size)
        case Unreadable():
            return Outcome(group, End.UNREADABLE, found.reason, size, size)


def check_words(reason: str) -> None:
    """Assert that a reason is a sentence for people: a few words, and nothing out of a program's inside."""
    assert 8 <= len(reason) <= 400, reason
    assert reason.count(" ") >= 2, reason
    assert reason.isprintable(), repr(reason)
    assert not _NOT_FOR_PEOPLE.search(reason), reason
