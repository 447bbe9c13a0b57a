"""The database as transactions over the books; the only module that opens one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from services.state import rows, schema
from services.state.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from services.state.policy.facts import Task
    from services.state.policy.rules import Policy


class Store:
    """The database as transactions over books."""

    def __init__(self, engine: Engine, library_root: Path, policy: Policy) -> None:
        self.engine = engine
        self._library_root, self._policy = str(library_root), policy
        self._marks: list[dict[str, Any]] = []
        self._applied: set[str] = set()

    @contextmanager
    def transaction(self, now: datetime) -> Iterator[Transaction]:
        """Open a transaction; it commits at the end and leaves nothing behind on an error."""
        marks, self._marks = self._marks, []
        try:
            with self.engine.begin() as connection:
                if marks:
                    connection.execute(rows.MARK_OUT, marks)
                made = Transaction(connection, now, self._library_root, self._policy)
                yield made
        except BaseException:
            self._marks = marks + self._marks
            raise
        self._applied.update(made.applied)

    def applied(self) -> set[str]:
        """Return the reports that counted since this was last asked: in committed transactions, each for the first time."""
        found, self._applied = self._applied, set()
        return found

    def mark_out(self, published: Sequence[tuple[Task, int | None]], now: datetime) -> None:
        """Note which due tasks were published, and where in their stream; the next transaction writes it.

        Lost in a crash, the row still says `due`: it is published again under the same message id.
        """
        self._marks += [
            {
                "row_stage": task.stage,
                "row_key": task.key,
                "row_attempt": task.attempt,
                "published_seq": seq,
                "published_at": now,
            }
            for task, seq in published
        ]

    def flush_marks(self, now: datetime) -> None:
        """Write what `mark_out` noted, if anything."""
        if self._marks:
            with self.transaction(now):
                pass

    def reject(self, report_id: str, subject: str, reason: str, body: str, now: datetime) -> None:
        """Keep a report that could not be applied, for a person to see; once."""
        values = {"at": now, "subject": subject, "reason": reason, "body": body}
        with self.engine.begin() as connection:
            make = sqlite_insert if connection.dialect.name == "sqlite" else postgres_insert
            statement = make(schema.rejected).values(report_id=report_id, **values)
            connection.execute(statement.on_conflict_do_nothing())
            again = make(schema.inbox).values(report_id=report_id, at=now)
            connection.execute(again.on_conflict_do_nothing())
