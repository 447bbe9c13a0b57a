"""Applies reports to the truth, plans what follows, and decides claims; it is the only way that facts change.

Everything here is synchronous and runs on the one writer thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from services.state import schema
from services.state.album_names import check_names
from services.state.losses import call_for_rescue
from services.state.owner import OwnerLost
from services.state.policy.bodies import body
from services.state.policy.facts import Asset, Books, Task, subject_of
from services.state.policy.listing import freeze
from services.state.policy.metadata import keep_up
from services.state.policy.named import album_ids, icloud_ids, keys_of
from services.state.policy.plan import plan, settle
from services.state.policy.reports import apply
from services.state.policy.returning import fetch_back
from services.state.situation import Situations, mind_holds
from shared.domain import events

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from services.state.policy.rules import Policy
    from services.state.store import Store
    from services.state.transaction import Transaction
    from shared.domain.gate import Situation
    from shared.ports.clock import Clock

log = structlog.get_logger(__name__)
PLANS_AT_ONCE = 500
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
        self.situations = Situations(window_open)
        self._window_open, self._was_open = window_open, False

    def take_rules(self) -> None:
        """Plan every asset anew when the person has changed a rule since the last start."""
        now = self._clock.now()
        with self._store.transaction(now) as transaction:
            books, changed = transaction.books, self._policy.fingerprint
            if books.settings.get("policy") == changed:
                return
            books.settings["policy"] = changed
            check_names(transaction.connection, books, self._policy)
            transaction.connection.execute(update(schema.asset).values(wake_at=now))
            transaction.write([])

    def now(self) -> datetime:
        """Return the time by which everything here is judged."""
        return self._clock.now()

    def apply(self, received: Sequence[Received]) -> list[Due]:
        """Apply reports in one transaction and return the work that became due.

        A report that cannot be true is kept aside as rejected, and the others still count.
        """
        try:
            return self._apply(received)
        except (OperationalError, OwnerLost):
            raise  # the database is away, or another's: the reports stay on the bus
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
            _load(transaction, fresh.values())
            for report in fresh.values():
                apply(transaction.books, report)
            if any(isinstance(one, events.PageSeen) and one.final for one in fresh.values()):
                check_names(transaction.connection, transaction.books, self._policy)
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
            keep_up(books, asset, sidecars=self._policy.sidecars)
            fetch_back(books, asset, here)
            active = frozenset(t.stage for t in books.by_asset.get(asset.id, ()) if t.active)
            fresh = settle(books, asset, plan(asset, here, self._policy, active))
            due.extend(_due(asset, task) for task in fresh)
            here = _counted(here, {task.stage for task in fresh} - active)
            call_for_rescue(transaction, asset, here)
        return due

    def _planning_situation(self, transaction: Transaction, assets: Sequence[Asset]) -> Situation:
        """Count permits and open wishes only where a deletion or a release may be wished for: it costs queries."""
        here = self.situations.plain(transaction)
        mind_holds(transaction, here)
        if self._policy.keeping.after_deletion is not None and any(
            asset.removal in {"deleted", "purged"} for asset in assets
        ):
            here = self.situations.releasing(transaction, here, wished=True)
        if not any(asset.removal == "pending" for asset in assets):
            return here
        here = self.situations.braked(transaction, here)
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
        self._mind_window(now)
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
            transaction.books.report_id = "plan"
            transaction.load_assets(ids)
            due = self._plan(transaction, ids)
            transaction.write([])
        return due

    def _mind_window(self, now: datetime) -> None:
        """Wake what was held when the window for deletions opens, which nobody reports; it may be short."""
        was_open, self._was_open = self._was_open, self._window_open(now)
        if self._was_open and not was_open:
            with self._store.transaction(now) as transaction:
                mind_holds(transaction, self.situations.plain(transaction))
                transaction.write([])

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
            found = ((books.assets[row.asset_id], books.tasks[row.stage, row.key]) for row in rows)
            return [
                _due(asset, task) for asset, task in found if _is_up_to_date(books, asset, task)
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

    def give_up(self, stage: str, sequence: int, deliveries: int) -> None:
        """Put a task into quarantine that the bus has handed out to the bound, and whose workers died each time."""
        work = schema.work.c
        query = select(work.stage, work.key).where(
            work.stage == stage, work.published_seq == sequence, work.state == "out"
        )
        with self._store.transaction(self._clock.now()) as transaction:
            rows = transaction.connection.execute(query).all()
            lost = [(row.stage, row.key) for row in rows]
            _load_tasks(transaction, lost)
            for key in lost:
                task = transaction.books.tasks[key]
                task.state, task.due_at = "quarantined", None
                task.reason = f"it was handed out {deliveries} times and no worker lived to answer"
            transaction.write([])

    def attend(self, key: str, text: str | None) -> None:
        """Raise an attention record of the state service's own, or clear it with None; the same text again changes nothing."""
        with self._store.transaction(self._clock.now()) as transaction:
            transaction.books.attention[key] = (text or "", text is not None)
            transaction.write([])

    def freeze(self, why: str) -> None:
        """Freeze every deletion until a person looks."""
        with self._store.transaction(self._clock.now()) as transaction:
            freeze(transaction.books, why)
            transaction.write([])


def _counted(here: Situation, wished: Collection[str]) -> Situation:
    """Count one asset's wishes of these stages for the brakes of the next asset."""
    delete, release = "delete" in wished, "release" in wished
    return replace(
        here,
        claimed_run=here.claimed_run + delete,
        claimed_day=here.claimed_day + delete,
        released_run=here.released_run + release,
        released_day=here.released_day + release,
    )


def _load(transaction: Transaction, reports: Iterable[events.Report]) -> None:
    """Take into the books everything that the reports name."""
    reports = list(reports)
    keys = [key for report in reports if (key := keys_of(report)) is not None]
    transaction.load_assets(int(key) for table, key in keys if table == "asset")
    transaction.load_media(int(key) for table, key in keys if table == "media")
    transaction.load_icloud([key for report in reports for key in icloud_ids(report)])
    transaction.load_albums(key for report in reports for key in album_ids(report))
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


def _is_up_to_date(books: Books, asset: Asset, task: Task) -> bool:
    """Say whether a task still asks for what there is: a record whose albums changed is planned anew first."""
    media = books.media.get(task.key) if task.stage == "download" else None
    return media is None or not media.is_metadata or media.checksum == asset.record_checksum


def _due(asset: Asset, task: Task) -> Due:
    return Due(task, subject_of(task), body(asset, task).model_dump_json().encode())
