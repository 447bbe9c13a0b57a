"""Cuts a page of the change feed into reports small enough for the bus; pure, it loses no asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.events import AssetSeen, PageSeen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

PART_BYTES = 150_000
"""Of assets; names of gone records and the frame stay well below the 50 kB that are left of a message."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, joined: where it began (None: at the very start) and where the next begins."""

    before: str | None
    after: str
    final: bool
    assets: tuple[AssetSeen, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Names one page of one look: reports of the same page in the same look have the same ids."""

    zone: str
    looked_at: datetime
    number: int


def reports(page: Page, stamp: Stamp) -> list[PageSeen]:
    """Return the page's reports in order; only the last carries the new token, so that a lost rest is listed again."""
    parts = list(_parts(page.assets))
    last = len(parts) - 1
    moment = stamp.looked_at.strftime("%Y%m%dT%H%M%S.%f")
    return [
        PageSeen(
            id=f"page:{stamp.zone}:{moment}:{stamp.number}.{index}",
            at=stamp.looked_at,
            zone=stamp.zone,
            token=page.after if index == last else page.before or "",
            final=page.final and index == last,
            assets=part,
            gone=page.gone if index == last else (),
        )
        for index, part in enumerate(parts)
    ]


def _parts(assets: Sequence[AssetSeen]) -> Iterator[tuple[AssetSeen, ...]]:
    """Yield the assets in parts of at most PART_BYTES of JSON; at least one part, which may be empty."""
    part: list[AssetSeen] = []
    size = 0
    for asset in assets:
        length = len(asset.model_dump_json())
        if part and size + length > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(asset)
        size += length
    yield tuple(part)
