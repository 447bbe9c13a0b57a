"""Carries out a person's orders: retry, approve, veto, renew, unfreeze, confirm; none of them deletes anything by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from services.state import schema
from services.state.losses import accept
from services.state.policy.renditions import RENEWABLE
from services.state.situation import wake_held
from shared.domain import questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.state.policy.facts import Asset, Books
    from services.state.store import Store
    from services.state.transaction import Transaction
    from shared.ports.clock import Clock


class Orders:
    """The person's hand on the books."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def retry(self, order: questions.Order) -> questions.Ordered:
        """Make quarantined tasks due again, of these assets or of all."""
        work = schema.work.c
        query = select(work.asset_id).where(work.state == "quarantined")
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_assets(set(transaction.connection.execute(query).scalars()))
            changed = _retry(transaction.books, order)
            transaction.write([])
        return questions.Ordered(changed=changed)

    def approve(self, order: questions.Order) -> questions.Ordered:
        """Let the brakes pass exactly these assets; every other clause of the gate still holds."""

        def one(books: Books, asset: Asset) -> bool:
            if asset.removal != "pending":
                return False
            changed, asset.approved, asset.wake_at = not asset.approved, True, books.now
            return changed

        return self._each(order, one)

    def veto(self, order: questions.Order) -> questions.Ordered:
        """Keep these assets in iCloud, as taking them out of the album does."""

        def one(books: Books, asset: Asset) -> bool:
            if asset.removal not in {"pending", "intent"}:
                return False
            books.move(asset, "removal", "vetoed", "the person's veto")
            asset.wake_at = books.now
            return True

        return self._each(order, one)

    def confirm_freed(self, order: questions.Order) -> questions.Ordered:
        """Raise Google's evidence to `confirmed`: the person ran "Free up space" themselves.

        What vanished in a suspect way is confirmed only for assets that the person names.
        """

        def one(books: Books, asset: Asset) -> bool:
            sure = {"freed"} if order.everything else {"freed", "suspect"}
            freed = [media for media in asset.media if media.google in sure]
            for media in freed:
                books.move(media, "google", "confirmed", "the person confirmed it")
                media.google_objection = None
            asset.wake_at = books.now
            return bool(freed)

        return self._each(order, one)

    def renew(self, order: questions.Order) -> questions.Ordered:
        """Let files be compressed anew by the tiers as they are now; each keeps what it has until a smaller one is in place."""

        def one(books: Books, asset: Asset) -> bool:
            done = [media for media in asset.media if media.compression in RENEWABLE]
            for media in done:
                media.renew_at = books.now
            asset.wake_at = books.now
            return bool(done)

        return self._each(order, one)

    def unfreeze(self, _order: questions.Order) -> questions.Ordered:
        """Lift the freeze after a person has looked: what is lost is known from now on, and told again, but freezes no more."""
        media, asset = schema.media.c, schema.asset.c
        doubted = (
            select(media.asset_id)
            .join(schema.asset, asset.id == media.asset_id)
            .where(
                (media.nas == "mismatch")
                | (asset.removal.in_(("deleted", "purged")) & (media.nas == "void"))
            )
        )
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_assets(set(transaction.connection.execute(doubted).scalars()))
            for one in transaction.books.assets.values():
                one.wake_at = transaction.books.now
            frozen = transaction.books.settings.get("frozen") is not None
            accept(transaction)
            transaction.books.settings["frozen"] = None
            wake_held(transaction)
            transaction.books.settings["gone_lately"] = None
            for told in ("deletion-frozen", "copies-missing", "archive-changed"):
                transaction.books.attention[told] = ("", False)
            transaction.write([])
        return questions.Ordered(changed=int(frozen))

    def _each(
        self, order: questions.Order, one: Callable[[Books, Asset], bool]
    ) -> questions.Ordered:
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.books.report_id = "order"
            _load(transaction, order)
            changed = sum(one(transaction.books, a) for a in transaction.books.assets.values())
            transaction.write([])
        return questions.Ordered(changed=changed)


def _load(transaction: Transaction, order: questions.Order) -> None:
    if order.everything:
        query = select(schema.asset.c.id)
        transaction.load_assets(transaction.connection.execute(query).scalars())
    else:
        transaction.load_icloud(order.assets)


def _retry(books: Books, order: questions.Order) -> int:
    changed = 0
    for task in books.tasks.values():
        named = order.everything or books.assets[task.asset_id].icloud_id in order.assets
        right_stage = order.stage is None or task.stage == order.stage
        if task.state == "quarantined" and named and right_stage:
            task.state, task.attempt = "due", task.attempt + 1
            task.failures = task.rings = 0
            task.due_at, task.published_seq, task.published_at = books.now, None, None
            changed += 1
    return changed
