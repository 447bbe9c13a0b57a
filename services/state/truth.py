"""Applies reports to the truth, plans what follows, and decides claims; it is the only way that facts change.

Everything here is synchronous and runs on the one writer thread.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from services.state import schema
from services.state.policy.bodies import body
from services.state.policy.facts import Asset, Books, Task, subject_of
from services.state.policy.listing import freeze
from services.state.policy.plan import copies_missing, plan, settle
from services.state.policy.reports import apply, icloud_ids, keys_of
from services.state.policy.weigh import asset_facts, media_facts, moving
from shared.domain import events, questions
from shared.domain.errors import Transient
from shared.domain.gate import Delete, FreshRecord, Keep, Situation, may_delete, may_purge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from services.state.policy.rules import Policy
    from services.state.store import Store
    from services.state.transaction import Transaction
    from shared.ports.clock import Clock

log = structlog.get_logger(__name__)
PLANS_AT_ONCE = 500
LISTING_AGE = timedelta(days=3)
"""A look at iCloud older than this says nothing about what it holds now."""
OUT_OF_DATE = "this order is out of date"
RINGS = 5
"""Hand-outs that may vanish without an answer, each after up to fifty deliveries, before quarantine."""


@dataclass(frozen=True, slots=True)
class Received:
    """A report as it came over the bus."""

    subject: str
    report: events.Report


@dataclass(frozen=True, slots=True)
class Due:
    """A task that is to be published now."""

    task: Task
    subject: str
    body: bytes

    @property
    def message_id(self) -> str:
        """The id by which the bus drops a second publication."""
        return f"{self.task.stage}:{self.task.key}:{self.task.attempt}"


class Truth:
    """The books and the rules; one instance a process."""

    def __init__(
        self, store: Store, policy: Policy, clock: Clock, window_open: Callable[[datetime], bool]
    ) -> None:
        self._store, self._policy, self._clock = store, policy, clock
        self._window_open = window_open

    def now(self) -> datetime:
        """Return the time by which everything here is judged."""
        return self._clock.now()

    def apply(self, received: Sequence[Received]) -> list[Due]:
        """Apply reports in one transaction and return the work that became due.

        A report that cannot be true is kept aside as rejected, and the others still count.
        """
        try:
            return self._apply(received)
        except OperationalError:
            raise  # the database is away: the reports stay on the bus
        except Exception as error:  # noqa: BLE001 - no single report may stop all others for good
            if len(received) > 1:
                return [due for one in received for due in self.apply([one])]
            report = received[0].report
            log.error("A report was rejected.", report=report.id, reason=str(error))
            self._store.reject(
                report.id,
                received[0].subject,
                str(error),
                report.model_dump_json(),
                self._clock.now(),
            )
            return []

    def _apply(self, received: Sequence[Received]) -> list[Due]:
        now = self._clock.now()
        with self._store.transaction(now) as transaction:
            known = transaction.known_reports([one.report.id for one in received])
            fresh = {one.report.id: one.report for one in received if one.report.id not in known}
            if not fresh:
                return []
            transaction.books.first_retry = self._policy.first_retry
            transaction.books.tries = self._policy.tries
            _load(transaction, fresh.values())
            for report in fresh.values():
                apply(transaction.books, report)
            due = self._plan(transaction, sorted(transaction.books.touched))
            transaction.write(list(fresh))
        return due

    def _plan(self, transaction: Transaction, assets: Iterable[int]) -> list[Due]:
        """Plan assets in turn; each deletion that is wished for counts for the brakes of the next."""
        books = transaction.books
        chosen = [books.assets[key] for key in assets]
        here = self._planning_situation(transaction, chosen)
        due: list[Due] = []
        for asset in chosen:
            active = frozenset(t.stage for t in books.by_asset.get(asset.id, ()) if t.active)
            fresh = settle(books, asset, plan(asset, here, self._policy, active))
            due.extend(_due(asset, task) for task in fresh)
            wishes = sum(task.stage == "delete" for task in fresh)
            here = replace(
                here, claimed_run=here.claimed_run + wishes, claimed_day=here.claimed_day + wishes
            )
            if copies_missing(asset):
                _call_for_rescue(books, asset)
        return due

    def _planning_situation(self, transaction: Transaction, assets: Sequence[Asset]) -> Situation:
        """Count permits and open wishes only where a deletion may be wished for: it costs queries."""
        if not any(asset.removal == "pending" for asset in assets):
            return self.situation(transaction)
        here = self._braked(transaction)
        work, asset = schema.work.c, schema.asset.c
        query = (
            select(func.count())
            .select_from(schema.work.join(schema.asset, asset.id == work.asset_id))
            .where(
                work.stage == "delete", work.state.in_(("due", "out")), asset.removal == "pending"
            )
        )
        wishes = int(transaction.connection.execute(query).scalar_one())
        return replace(
            here, claimed_run=here.claimed_run + wishes, claimed_day=here.claimed_day + wishes
        )

    def plan_again(self) -> list[Due]:
        """Plan the assets whose time has come; returns the work that became due."""
        now = self._clock.now()
        query = (
            select(schema.asset.c.id)
            .where(schema.asset.c.wake_at <= now)
            .order_by(schema.asset.c.wake_at)
            .limit(PLANS_AT_ONCE)
        )
        with self._store.engine.connect() as connection:
            ids = list(connection.execute(query).scalars())
        if not ids:
            return []
        with self._store.transaction(now) as transaction:
            transaction.load_assets(ids)
            due = self._plan(transaction, ids)
            transaction.write([])
        return due

    def due_again(self) -> list[Due]:
        """Return tasks whose retry has come, and those that a crash kept from being published."""
        now = self._clock.now()
        self._store.flush_marks(now)
        query = (
            select(schema.work.c.stage, schema.work.c.key, schema.work.c.asset_id)
            .where(schema.work.c.state == "due", schema.work.c.due_at <= now)
            .order_by(schema.work.c.due_at)
            .limit(PLANS_AT_ONCE)
        )
        with self._store.engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return []
        with self._store.transaction(now) as transaction:
            transaction.load_assets({row.asset_id for row in rows})
            books = transaction.books
            return [
                _due(books.assets[row.asset_id], books.tasks[row.stage, row.key]) for row in rows
            ]

    def published(self, tasks: Sequence[tuple[Task, int | None]]) -> None:
        """Note which tasks are on the bus, and at which number of their stream, with the next transaction."""
        self._store.mark_out(tasks, self._clock.now())

    def ring_again(self, lost: Sequence[tuple[str, int]]) -> None:
        """Make tasks due again whose message or answer the bus has lost."""
        with self._store.transaction(self._clock.now()) as transaction:
            _load_tasks(transaction, lost)
            for key in lost:
                task = transaction.books.tasks.get(key)
                if task is not None and task.state == "out":
                    _ring(task, transaction.books.now)
            transaction.write([])

    def situation(self, transaction: Transaction) -> Situation:
        """Return the library as a whole at this instant, without what only the brakes ask for (see `_braked`)."""
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
        )

    def _braked(self, transaction: Transaction) -> Situation:
        """Return the situation with the permits of the last hour and day counted."""
        issued, spent = schema.permit.c.issued_at, schema.permit.c.outcome.in_(("open", "deleted"))

        def claimed(since: timedelta) -> int:
            query = select(func.count()).where(issued > transaction.books.now - since, spent)
            return int(transaction.connection.execute(query).scalar_one())

        return replace(
            self.situation(transaction),
            claimed_run=claimed(timedelta(hours=1)),
            claimed_day=claimed(timedelta(days=1)),
        )

    def claim(
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

    def claim_purge(self, asked: questions.ClaimPurge) -> questions.ClaimedPurge:
        """Weigh, at this instant, whether the local files of a deleted asset may go: each must be whole on the NAS."""
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.load_icloud([asked.asset])
            books = transaction.books
            asset = books.by_icloud_id.get(asked.asset)
            if asset is None or not _asked_for(books, "purge", asset, asked.attempt):
                return questions.ClaimedPurge(deadline=None, reasons=(OUT_OF_DATE,))
            if asset.removal != "deleted":
                return questions.ClaimedPurge(deadline=None, reasons=(f"it is {asset.removal}",))
            files = [media for media in asset.media if media.local == "delete_pending"]
            facts = tuple(media_facts(media, in_motion=False) for media in files)
            rules = self._policy.deletion
            reasons = may_purge(facts, self.situation(transaction), rules)
        if reasons:
            return questions.ClaimedPurge(deadline=None, reasons=tuple(r.text for r in reasons))
        return questions.ClaimedPurge(
            deadline=books.now + rules.permit_for, media=tuple(media.id for media in files)
        )

    def freeze(self, why: str) -> None:
        """Freeze every deletion until a person looks."""
        with self._store.transaction(self._clock.now()) as transaction:
            freeze(transaction.books, why)
            transaction.write([])

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
        )
        match may_delete(facts, fresh, self._braked(transaction), rules):
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


def _listing_sane(books: Books) -> bool:
    """Say whether the last look at iCloud worked, and was lately."""
    looked = books.settings.get("looked_at")
    if looked is None or books.settings.get("listing") == "failed":
        return False
    return abs(books.now - datetime.fromisoformat(looked)) <= LISTING_AGE


def _call_for_rescue(books: Books, asset: Asset) -> None:
    """A copy is missing while iCloud may still give the photo back: stop deleting, and say so loudly."""
    freeze(books, f"{asset.filename} is deleted from iCloud and its NAS copy is gone")
    books.attention["copies-missing"] = (
        f"{asset.filename} (and perhaps others) was deleted from iCloud and the NAS no longer holds it: "
        "restore it from Recently Deleted in iCloud within 30 days of its deletion",
        True,
    )


def _load(transaction: Transaction, reports: Iterable[events.Report]) -> None:
    """Take into the books everything that the reports name."""
    reports = list(reports)
    keys = [key for report in reports if (key := keys_of(report)) is not None]
    transaction.load_assets(int(key) for table, key in keys if table == "asset")
    transaction.load_media(int(key) for table, key in keys if table == "media")
    transaction.load_icloud([key for report in reports for key in icloud_ids(report)])
    transaction.load_permits([one.permit for one in reports if isinstance(one, events.Deleted)])


def _ring(task: Task, now: datetime) -> None:
    """Hand the task out once more; the generous bound that ends the deaths of its workers is here."""
    task.rings += 1
    task.published_seq = task.published_at = None
    if task.rings > RINGS:
        task.state, task.due_at = "quarantined", None
        task.reason = f"it was handed out {task.rings} times and never answered"
    else:
        task.state, task.attempt, task.due_at = "due", task.attempt + 1, now


def _load_tasks(transaction: Transaction, keys: Sequence[tuple[str, int]]) -> None:
    for stage, key in keys:
        query = select(schema.work.c.asset_id).where(
            schema.work.c.stage == stage, schema.work.c.key == key
        )
        transaction.load_assets(transaction.connection.execute(query).scalars())


def _due(asset: Asset, task: Task) -> Due:
    return Due(task, subject_of(task), body(asset, task).model_dump_json().encode())
