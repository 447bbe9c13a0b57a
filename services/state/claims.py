"""Decides claims: whether an asset may be deleted from iCloud, and whether its local files may go; it does neither itself."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from services.state import schema
from services.state.policy.weigh import asset_facts, media_facts, moving, retired
from shared.domain import questions
from shared.domain.errors import Transient
from shared.domain.gate import Delete, FreshRecord, Keep, may_delete, may_purge
from shared.domain.release import may_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.state.policy.facts import Asset, Books
    from services.state.policy.rules import Policy
    from services.state.situation import Situations
    from services.state.store import Store
    from services.state.transaction import Transaction
    from shared.ports.clock import Clock

OUT_OF_DATE: Final = "this order is out of date"


class Claims:
    """The one door to a deletion; everything in it is synchronous and runs on the one writer thread."""

    def __init__(self, store: Store, policy: Policy, clock: Clock, situations: Situations) -> None:
        self._store, self._policy, self._clock = store, policy, clock
        self._situations = situations

    def deletion(
        self, asked: Sequence[questions.ClaimDeletion]
    ) -> list[questions.Claimed | Exception]:
        """Evaluate the gate for each claim and write INTENT and single-use permits, in one transaction.

        Each sees the permits of those before it. An error of one is its answer; none of the others is touched by it.
        """
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_icloud([claim.asset for claim in asked])
            answers: list[questions.Claimed | Exception] = []
            for claim in asked:
                try:
                    answers.append(self._claim(transaction, claim))
                except Transient as error:
                    answers.append(error)
            transaction.write([])
        return answers

    def _claim(self, transaction: Transaction, asked: questions.ClaimDeletion) -> questions.Claimed:
        books = transaction.books
        asset = books.by_icloud_id.get(asked.asset)
        if asset is None:
            return questions.Claimed(
                permit=None, deadline=None, reasons=("photoduct does not know this asset",)
            )
        books.report_id = f"claim:{asked.asset}:{asked.attempt}"
        if not _asked_for(books, "delete", asset, asked.attempt):
            return questions.Claimed(permit=None, deadline=None, reasons=(OUT_OF_DATE,))
        if asset.removal == "intent":
            earlier = self._earlier_permit(transaction, asset, asked)
            if earlier is not None:
                return earlier
        return self._decide(transaction, asset, asked)

    def purge(self, asked: questions.ClaimPurge) -> questions.ClaimedPurge:
        """Weigh, at this instant, whether the local files of a deleted asset may go: each must be whole on the NAS."""
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_icloud([asked.asset])
            books = transaction.books
            asset = books.by_icloud_id.get(asked.asset)
            if asset is None or not _asked_for(books, "purge", asset, asked.attempt):
                return questions.ClaimedPurge(deadline=None, reasons=(OUT_OF_DATE,))
            if asset.removal != "deleted":
                return questions.ClaimedPurge(deadline=None, reasons=(f"it is {asset.removal}",))
            files = [media for media in asset.media if media.on_disk]
            facts = tuple(media_facts(media, in_motion=False) for media in files)
            rules = self._policy.deletion
            reasons = may_purge(facts, self._situations.plain(transaction), rules)
        if reasons:
            return questions.ClaimedPurge(deadline=None, reasons=tuple(r.text for r in reasons))
        return questions.ClaimedPurge(
            deadline=books.now + rules.permit_for,
            media=tuple(m.id for m in files if m.local == "delete_pending"),
        )

    def release(self, asked: questions.ClaimRelease) -> questions.ClaimedRelease:
        """Weigh, at this instant, whether an archived original may go, its rendition staying."""
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_icloud([asked.asset])
            books = transaction.books
            asset, media = books.by_icloud_id.get(asked.asset), books.media.get(asked.media)
            task = books.task_of("release", asked.media)
            current = task is not None and task.active and task.attempt == asked.attempt
            if asset is None or media is None or media.asset_id != asset.id or not current:
                return questions.ClaimedRelease(deadline=None, reasons=(OUT_OF_DATE,))
            facts = retired(asset, media, media.id in moving(books.tasks.values()))
            here, rules = self._situations.plain(transaction), self._policy.deletion
            here = self._situations.releasing(transaction, here, but=asset.id)
            reasons = may_release(facts, here, self._policy.keeping, rules)
            if reasons:
                texts = tuple(reason.text for reason in reasons)
                return questions.ClaimedRelease(deadline=None, reasons=texts)
            transaction.lapse_release(media.id)
            deadline, proof = books.now + rules.permit_for, facts.media.nas
            proofs = [] if proof is None else [asdict(proof)]
            transaction.issue_permit(asset, uuid.uuid4().hex, deadline, proofs, media.id)
        return questions.ClaimedRelease(deadline=deadline)

    def _earlier_permit(
        self, transaction: Transaction, asset: Asset, asked: questions.ClaimDeletion
    ) -> questions.Claimed | None:
        """Settle what became of a permit whose holder never answered; None when it has lapsed unused."""
        now = transaction.books.now
        row = transaction.connection.execute(
            select(schema.permit).where(schema.permit.c.id == asset.permit)
        ).one()
        if asked.deleted:
            return questions.Claimed(permit=row.id, deadline=row.deadline, already_permitted=True)
        if now <= row.deadline:
            wait = (row.deadline - now).total_seconds() + 1
            raise Transient("an earlier permit for this asset is still open", retry_after=wait)
        transaction.close_permit(row.id, "lapsed unused")
        return None

    def _decide(
        self, transaction: Transaction, asset: Asset, asked: questions.ClaimDeletion
    ) -> questions.Claimed:
        books, rules = transaction.books, self._policy.deletion
        facts = asset_facts(asset, moving(books.tasks.values()), self._policy)
        fresh = FreshRecord(
            asset=asked.asset,
            zone=asked.zone,
            change_tag=asked.change_tag,
            fetched_at=asked.fetched_at,
            in_album=asked.in_album,
            deleted=asked.deleted,
            problem=asked.problem,
            resources=frozenset(asked.resources),
            albums_asked=asked.albums_asked,
            kept_by_albums=asked.kept_by_albums,
        )
        here = self._situations.braked(transaction, self._situations.plain(transaction))
        match may_delete(facts, fresh, here, rules):
            case Keep() as keep:
                return questions.Claimed(
                    permit=None,
                    deadline=None,
                    veto=keep.veto,
                    reasons=tuple(reason.text for reason in keep.reasons),
                )
            case Delete() as delete:
                permit, deadline = uuid.uuid4().hex, books.now + rules.permit_for
                if asset.removal == "pending":
                    books.move(asset, "removal", "intent", f"permit {permit}")
                asset.permit = permit
                proofs = [asdict(proof) for proof in delete.evidence]
                transaction.issue_permit(asset, permit, deadline, proofs)
                return questions.Claimed(permit=permit, deadline=deadline)


def _asked_for(books: Books, stage: str, asset: Asset, attempt: int) -> bool:
    """Say whether this very attempt is the one that is out: a message that was delivered twice authorises nothing."""
    task = books.task_of(stage, asset.id)
    return task is not None and task.active and task.attempt == attempt
