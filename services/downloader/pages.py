"""Cuts a page of the change feed into reports small enough for the bus; pure, it loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.events import PageSeen
from shared.domain.seen import AlbumSeen, AssetSeen, Membership

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from services.downloader.joining import Joined

PART_BYTES = 150_000
"""Of assets and albums; names of gone records and the frame stay well below the 50 kB that are left of a message."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, joined, and where it began (None: at the very start)."""

    before: str | None
    final: bool
    said: Joined


@dataclass(frozen=True, slots=True)
class Tokens:
    """From where a downloader that dies reads on: before the page is recorded, and then."""

    before: str | None
    then: str | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """Names one page of one look: reports of the same page in the same look have the same ids."""

    zone: str
    looked_at: datetime
    number: int


def reports(page: Page, stamp: Stamp, tokens: Tokens) -> list[PageSeen]:
    """Return the page's reports in order; only the last carries the new token, so that a lost rest is listed again."""
    parts = list(_parts(page.said))
    last = len(parts) - 1
    moment = stamp.looked_at.strftime("%Y%m%dT%H%M%S.%f")
    return [
        PageSeen(
            id=f"page:{stamp.zone}:{moment}:{stamp.number}.{index}",
            at=stamp.looked_at,
            zone=stamp.zone,
            token=(tokens.then if index == last else tokens.before) or "",
            final=page.final and index == last,
            since=page.before or "",
            part=index,
            assets=tuple(one for one in part if isinstance(one, AssetSeen)),
            albums=tuple(one for one in part if isinstance(one, AlbumSeen)),
            joined=tuple(one for one in part if isinstance(one, Membership)),
            gone=page.said.gone if index == last else (),
            parted=page.said.parted if index == last else (),
        )
        for index, part in enumerate(parts)
    ]


def _parts(said: Joined) -> Iterator[list[AssetSeen | AlbumSeen | Membership]]:
    """Yield it in parts of at most PART_BYTES of JSON; at least one part, which may be empty."""
    part: list[AssetSeen | AlbumSeen | Membership] = []
    size = 0
    everything: tuple[AssetSeen | AlbumSeen | Membership, ...] = (
        *said.assets,
        *said.albums,
        *said.joined,
    )
    for one in everything:
        length = len(one.model_dump_json())
        if part and size + length > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(one)
        size += length
    yield part
