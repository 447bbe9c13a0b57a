"""Words for one asset of the demo library, before any file of it exists; pure, no I/O."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

Kind = Literal["jpeg", "heic", "png", "tiff", "h264", "hevc"]
Plant = Literal[
    "vetoed", "edited_late", "refused_by_google", "deleted_on_phone", "unreadable", "truncated"
]
Codec = Literal["h264", "hevc", "live"]
Size = Literal["full", "small"]


@dataclass(frozen=True)
class When:
    """A day counted back from today, so that every age tier is met whenever the library is made.

    `months` 0 means `day` days ago; otherwise the `day`th (1..28) of the month that many months ago.
    """

    months: int
    day: int

    def before(self, today: date) -> date:
        """The calendar day, always before today."""
        if self.months == 0:
            return today - timedelta(days=self.day)
        index = today.year * 12 + today.month - 1 - self.months
        return date(index // 12, index % 12 + 1, self.day)


@dataclass(frozen=True)
class Shot:
    """What to make. `key` is unique in the library, ASCII, seeds the asset and names its files."""

    key: str
    filename: str
    when: When
    kind: Kind = "jpeg"
    albums: tuple[str, ...] = ()
    favorite: bool = False
    hidden: bool = False
    orientation: Literal[1, 6, 8] = 1
    large: bool = False
    live: bool = False
    raw: bool = False
    edited: bool = False
    plant: Plant | None = None
    same_as: str | None = None

    @property
    def codec(self) -> Codec | None:
        """The film that it needs, if any; `live` is the short one beside a still."""
        if self.live:
            return "live"
        return self.kind if self.kind in ("h264", "hevc") else None

    def rng(self, seed: int, purpose: str) -> random.Random:
        """A source of numbers of its own, so that one more shot changes none of the others."""
        return random.Random(f"{seed}:{self.same_as or self.key}:{purpose}")  # noqa: S311

    def asset_id(self, seed: int) -> str:
        """An id in the form of Apple's: an upper-case UUID, the same for the same seed and key."""
        bits = random.Random(f"{seed}:{self.key}:id").getrandbits(128)  # noqa: S311
        return str(uuid.UUID(int=bits, version=4)).upper()

    def created(self, seed: int, today: date) -> datetime:
        """The moment it was taken, in whole seconds, with the time zone of the place."""
        rng = self.rng(seed, "time")
        zone = timezone(timedelta(hours=rng.choice((2, 2, 2, 1, -8, 9))))
        clock = time(rng.randrange(7, 22), rng.randrange(60), rng.randrange(60), tzinfo=zone)
        return datetime.combine(self.when.before(today), clock)
