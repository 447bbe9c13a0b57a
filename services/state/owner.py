"""Sees to it that a database has one owner at a time, on SQLite and on Postgres; it never opens what another holds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_USE: Final = "The state database is in use: stop photoduct's state service first."
PATIENCE_SECONDS: Final = 5.0
"""A killed owner's lock on Postgres ends when the server has noticed."""
_KEY: Final = 0x70686F746F647563
_SQLITE: Final = "sqlite:///"


@contextmanager
def owned(url: str, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Be the owner of the database at a SQLAlchemy URL; Fatal when another process is, or it cannot be reached."""
    with (_file if url.startswith("sqlite") else _advisory)(url, patience):
        yield


@contextmanager
def _file(url: str, patience: float) -> Iterator[None]:
    path = Path(url.removeprefix(_SQLITE))
    if not path.parent.is_dir():
        raise Fatal(f"The folder of the state database does not exist: {path.parent}")
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=patience)
    try:
        lock.acquire()
    except Timeout as error:
        raise Fatal(IN_USE) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _advisory(url: str, patience: float) -> Iterator[None]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
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
        yield
    engine.dispose()
