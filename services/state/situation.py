"""The library as a whole at one instant, as the gate and the planning need it, and whom its changes concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, literal, select, union, update

from services.state import schema
from services.state.policy.waking import LOOK_AGAIN, what_holds
from shared.domain.gate import Situation

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.state.policy.facts import Books
    from services.state.transaction import Transaction

LISTING_AGE: Final = timedelta(days=3)
"""A look at iCloud older than this says nothing about what it holds now."""


class Situations:
    """Makes them; `window_open` says whether deletion may run at a time."""

    def __init__(self, window_open: Callable[[datetime], bool]) -> None:
        self._window_open = window_open

    def plain(self, transaction: Transaction) -> Situation:
        """Return the library as a whole at this instant, without what only the brakes ask for (see `braked`, `releasing`)."""
        books = transaction.books
        return Situation(
            now=books.now,
            frozen=books.settings.get("frozen"),
            listing_sane=_listing_sane(books),
            archive=None if books.settings.get("nas_missing") else books.settings.get("archive"),
            file_system=books.settings.get("file_system"),
            claimed_run=0,
            claimed_day=0,
            library_size=books.next_asset - 1,
            window_open=self._window_open(books.now),
            zones_looked=frozenset(books.zones_looked),
            album_doubt=books.settings.get("google_album_doubt"),
        )

    def braked(self, transaction: Transaction, here: Situation) -> Situation:
        """Return the situation with the deletions counted that were permitted in the last hour and day."""
        permit = schema.permit.c
        spent = permit.outcome.in_(("open", "deleted")) & permit.media_id.is_(None)

        def claimed(since: timedelta) -> int:
            recent = permit.issued_at > transaction.books.now - since
            query = select(func.count()).where(recent, spent)
            return int(transaction.connection.execute(query).scalar_one())

        return replace(
            here,
            claimed_run=claimed(timedelta(hours=1)),
            claimed_day=claimed(timedelta(days=1)),
        )

    def releasing(
        self, transaction: Transaction, here: Situation, *, but: int = 0, wished: bool = False
    ) -> Situation:
        """Return the situation with the assets counted whose originals left the archive in the last hour and day, or may.

        `but` is an asset that does not count: its other files are no further photo. With `wished`, orders count, too.
        """
        permit, work = schema.permit.c, schema.work.c

        def released(since: timedelta) -> int:
            spent = permit.outcome.in_(("open", "released")) & permit.media_id.is_not(None)
            recent = permit.issued_at > transaction.books.now - since
            ordered = (work.stage == "release") & work.state.in_(("due", "out"))
            assets = union(
                select(permit.asset_id).where(recent, spent),
                select(work.asset_id).where(ordered, literal(wished)),
            ).subquery()
            query = select(func.count()).select_from(assets).where(assets.c.asset_id != but)
            return int(transaction.connection.execute(query).scalar_one())

        run, day = released(timedelta(hours=1)), released(timedelta(days=1))
        return replace(here, released_run=run, released_day=day)


def mind_holds(transaction: Transaction, here: Situation) -> None:
    """Wake what is held when what holds everything alike has changed since the last look at it."""
    holds = what_holds(here)
    if transaction.books.settings.get("held_by") != holds:
        transaction.books.settings["held_by"] = holds
        wake_held(transaction)


def wake_held(transaction: Transaction) -> None:
    """Let all that was held be planned at once (and what would be within the hour, which changes nothing for it)."""
    now = transaction.books.now
    held = schema.asset.c.wake_at.between(now, now + LOOK_AGAIN[-1])
    transaction.connection.execute(update(schema.asset).where(held).values(wake_at=now))


def _listing_sane(books: Books) -> bool:
    """Say whether the last look at iCloud worked, and was lately."""
    looked = books.settings.get("looked_at")
    if looked is None or books.settings.get("listing") == "failed":
        return False
    return abs(books.now - datetime.fromisoformat(looked)) <= LISTING_AGE
