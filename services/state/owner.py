"""Sees to it that a database has one owner at a time, on SQLite and on Postgres; it never opens what another holds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from services.state.postgres import line_to
from shared.domain.errors import Fatal, PhotoductError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine, ExceptionContext

IN_USE: Final = "The state database is in use: stop photoduct's state service first."
PATIENCE_SECONDS: Final = 40.0
"""The lock of an owner that was killed or cut off ends when the server has noticed, and its last transaction with it."""
_OWNER: Final = 0x70686F746F647563
_WRITING: Final = _OWNER + 1
"""Shared by the transactions that are open: a new owner waits until those of the former one have ended."""
_SQLITE: Final = "sqlite:///"
_REFUSALS: Final = (
    "authentication failed",
    "does not exist",
    "no password",
    "no pg_hba.conf entry",
)
"""What Postgres says that waiting does not mend; in another language than English it is waited for all the same."""


class Unreachable(Fatal):
    """Nobody answers at the database's address, or not yet: for a command the end, while a service may wait."""


class OwnerLost(PhotoductError):
    """The lock is gone, and another process may own the database by now: this one has to end; started anew it may have the lock again."""


@contextmanager
def owned(url: str, patience: float = PATIENCE_SECONDS) -> Iterator[Callable[[Engine], None]]:
    """Be the owner of the database at a SQLAlchemy URL; Fatal when another process is, Unreachable when nobody answers.

    Yields what lets an engine of that database begin no transaction more once the lock was lost (OwnerLost); what had
    begun by then has ended before another is the owner.
    """
    with (_file if url.startswith("sqlite") else _advisory)(url, patience) as guard:
        yield guard


@contextmanager
def _file(url: str, patience: float) -> Iterator[Callable[[Engine], None]]:
    path = Path(url.removeprefix(_SQLITE))
    if not path.parent.is_dir():
        raise Fatal(f"The folder of the state database does not exist: {path.parent}")
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=patience)
    try:
        lock.acquire()
    except Timeout as error:
        raise Fatal(IN_USE) from error
    try:
        yield _never_lost
    finally:
        lock.release()


def _never_lost(_engine: Engine) -> None:
    """The system keeps a file's lock as long as this process lives."""


@contextmanager
def _advisory(url: str, patience: float) -> Iterator[Callable[[Engine], None]]:
    engine = line_to(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise _sorted(error) from error
    with connection:
        until = time.monotonic() + patience
        _take(connection, _OWNER, until)
        _take(connection, _WRITING, until)
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _WRITING})
        yield _Held(connection).guard
    engine.dispose()


def _sorted(error: OperationalError) -> Fatal:
    reason = str(error.orig).strip().splitlines()[0]
    kind = Fatal if any(words in reason for words in _REFUSALS) else Unreachable
    return kind(f"The state database cannot be reached: {reason}")


def _take(connection: Connection, key: int, until: float) -> None:
    query = text("SELECT pg_try_advisory_lock(:key)")
    while not connection.execute(query, {"key": key}).scalar_one():
        if time.monotonic() >= until:
            raise Fatal(IN_USE)
        time.sleep(0.1)


class _Held:
    """The lock of a connection, which the server gives away when that ends: a restart of the server, a line that is cut."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._one, self._lost = connection, Lock(), False

    def guard(self, engine: Engine) -> None:
        """Ask in each transaction whether the connection lives; an idle service begins one twice a second.

        A transaction first says that it is there: the next owner waits for it, or the question finds the lock lost.
        """
        event.listen(engine, "begin", self._enter)
        event.listen(engine, "handle_error", self._explain)

    def _enter(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_WRITING})")
        self._check()

    def _explain(self, context: ExceptionContext) -> None:
        """Tell a line that broke by the lock that was lost with it, where it was."""
        if not context.is_pre_ping and (context.is_disconnect or context.connection is None):
            self._check()

    def _check(self) -> None:
        with self._one:
            try:
                if not self._lost:
                    self._connection.execute(text("SELECT 1"))
                    return
            except SQLAlchemyError:
                self._lost = True  # for good: a new connection would not have the lock
        raise OwnerLost(
            "The lock on the state database was lost, and another state service may have it; this one ends."
        )
