"""Sees to it that a database has one owner at a time, on SQLite and on Postgres; it never opens what another holds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.domain.errors import Fatal, PhotoductError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

IN_USE: Final = "The state database is in use: stop photoduct's state service first."
PATIENCE_SECONDS: Final = 5.0
"""A killed owner's lock on Postgres ends when the server has noticed."""
_KEY: Final = 0x70686F746F647563
_SQLITE: Final = "sqlite:///"
_NOTICED: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How soon it is noticed, in seconds and milliseconds, that the line to Postgres is cut."""


class OwnerLost(PhotoductError):
    """The lock is gone, and another process may own the database by now: this one has to end; started anew it may have the lock again."""


@contextmanager
def owned(url: str, patience: float = PATIENCE_SECONDS) -> Iterator[Callable[[Engine], None]]:
    """Be the owner of the database at a SQLAlchemy URL; Fatal when another process is, or it cannot be reached.

    Yields what lets an engine of that database begin no transaction more once the lock was lost (OwnerLost).
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
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_NOTICED
    )
    try:
        connection = engine.connect()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise Fatal(f"The state database cannot be reached: {reason}") from error
    with connection:
        until = time.monotonic() + patience
        query = text("SELECT pg_try_advisory_lock(:key)")
        while not connection.execute(query, {"key": _KEY}).scalar_one():
            if time.monotonic() >= until:
                raise Fatal(IN_USE)
            time.sleep(0.1)
        yield _Held(connection).guard
    engine.dispose()


class _Held:
    """The lock of a connection, which the server gives away when that ends: a restart of the server, a line that is cut."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._one, self._lost = connection, Lock(), False

    def guard(self, engine: Engine) -> None:
        """Ask before each transaction whether the connection lives; an idle service begins one twice a second."""
        event.listen(engine, "begin", lambda _: self._check())

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
