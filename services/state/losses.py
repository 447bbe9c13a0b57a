"""Calls out what is deleted from iCloud and lost on the NAS, and holds deletion for it until a person has looked: once a loss.

It never forgets a loss: the file stays marked as it is, and another loss freezes again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from services.state import schema
from services.state.policy.listing import freeze
from services.state.policy.plan import copies_missing

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Media
    from services.state.transaction import Transaction
    from shared.domain.gate import Situation

RESTORABLE_FOR: Final = timedelta(days=30)
"""How long iCloud keeps what was deleted, and gives it back."""
_ACCEPTED: Final = "losses_accepted"
_LOST: Final = frozenset({"mismatch", "void"})


def call_for_rescue(transaction: Transaction, asset: Asset, here: Situation) -> None:
    """Where a deleted asset's copy is missing: stop deleting, unless a person knows, and say so loudly while iCloud may still give it back."""
    missing = copies_missing(asset, here)
    if not missing:
        return
    books = transaction.books
    fresh = not all(_is_accepted(transaction, media, here) for media in missing)
    if fresh:
        freeze(books, f"{asset.filename} is deleted from iCloud and its NAS copy is gone")
    if fresh or (asset.deleted_at is not None and books.now < asset.deleted_at + RESTORABLE_FOR):
        books.attention["copies-missing"] = (
            f"{asset.filename} (and perhaps others) was deleted from iCloud and the NAS no longer holds it: "
            "restore it from Recently Deleted in iCloud within 30 days of its deletion",
            True,
        )


def accept(transaction: Transaction) -> None:
    """Take what is lost until now as known to the person, who has looked at it."""
    query = select(func.max(schema.history.c.id))
    last = transaction.connection.execute(query).scalar() or 0
    known = {"until": last, "archive": transaction.books.settings.get("archive")}
    transaction.books.settings[_ACCEPTED] = json.dumps(known)


def _is_accepted(transaction: Transaction, media: Media, here: Situation) -> bool:
    """Say whether the person knew of the loss already; numbers of the history tell, as no clock can deceive them."""
    books = transaction.books
    known = json.loads(books.settings.get(_ACCEPTED) or "{}")
    if not known or (media.nas == "void" and known["archive"] != here.archive):
        return False
    now = (move for move in books.moves if (move.media_id, move.machine) == (media.id, "nas"))
    if any(move.new in _LOST for move in now):
        return False
    history = schema.history.c
    query = select(func.max(history.id)).where(
        history.asset_id == media.asset_id,
        history.media_id == media.id,
        history.machine == "nas",
        history.new.in_(_LOST),
    )
    return int(transaction.connection.execute(query).scalar() or 0) <= int(known["until"])
