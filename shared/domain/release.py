"""Weighs whether an original may leave the archive, its rendition staying; it can never act itself.

Unlike the deletion gate this one gives up the archive's original for good: what is left are Google Photos' copy and the
rendition. So it is off unless the person sets how long originals are kept, and what is unknown is an objection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.gate import CALLED, Reason, nas_copy
from shared.domain.ids import GoogleLevel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from shared.domain.gate import MediaFacts, Rules, Situation


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long originals are kept behind their renditions; None: for ever."""

    after_deletion: timedelta | None = None
    """Counted from the confirmed deletion in iCloud, which gives a photo back for 30 days."""
    until: GoogleLevel = GoogleLevel.CONFIRMED
    """What Google Photos has to have shown; never less than `confirmed`."""


@dataclass(frozen=True, slots=True)
class Retired:
    """One file whose original might leave, as recorded."""

    media: MediaFacts
    removal: str
    deleted_at: datetime | None
    has_rendition: bool
    """Its rendition lies in its place, and no other one is about to take it."""


def may_release(
    one: Retired, here: Situation, keeping: Keeping, rules: Rules
) -> tuple[Reason, ...]:
    """Collect why the original stays."""
    return (
        *brakes(here, rules),
        *_wish(one, here, keeping),
        *_rest(one, keeping),
        *nas_copy(one.media, here, rules),
    )


def brakes(here: Situation, rules: Rules) -> Iterator[Reason]:
    """The limits of deletions in iCloud hold here, too, counted apart; of a small library one photo a day may go.

    A limit of 0 stops all, as it stops deletions.
    """
    least = 1 if rules.max_percent_day else 0
    if here.released_run >= rules.max_items_run or here.released_day >= rules.max_items_day:
        yield Reason(
            "brake-items",
            "as many photos as may in an hour or a day have lost originals (deletion.max_items_run, max_items_day)",
        )
    elif here.released_day + 1 > max(least, here.library_size * rules.max_percent_day / 100):
        yield Reason(
            "brake-percent",
            f"originals of {rules.max_percent_day:g} % of the library have left in a day (deletion.max_percent_day)",
        )


def _wish(one: Retired, here: Situation, keeping: Keeping) -> Iterator[Reason]:
    if keeping.after_deletion is None:
        yield Reason("keep", "originals are kept for ever (deletion.keep_originals)")
        return
    if here.frozen is not None:
        yield Reason("frozen", f"deletion is frozen: {here.frozen}")
    if not here.listing_sane:
        yield Reason(
            "listing", "the last look at iCloud failed, or is days ago: it may be back there"
        )
    if one.removal not in {"deleted", "purged"} or one.deleted_at is None:
        yield Reason("not-deleted", "it is not deleted from iCloud")
    elif not keeping.after_deletion <= here.now - one.deleted_at:
        yield Reason("early", "its deletion from iCloud is too young (deletion.keep_originals)")


def _rest(one: Retired, keeping: Keeping) -> Iterator[Reason]:
    """What is left without the original: a whole rendition, and Google Photos' copy of the very bytes."""
    name = CALLED[one.media.resource]
    if not one.has_rendition or one.media.in_motion:
        yield Reason("rendition", f"no finished rendition stands for its {name}")
    if one.media.readable is not True:
        yield Reason("unreadable", f"its {name} was never decoded to its end")
    if one.media.google_objection is not None:
        yield Reason("google", f"Google Photos has no provable copy: {one.media.google_objection}")
    elif one.media.google.rank < max(keeping.until.rank, GoogleLevel.CONFIRMED.rank):
        yield Reason(
            "google", f"Google Photos' evidence is '{one.media.google}', not yet '{keeping.until}'"
        )
