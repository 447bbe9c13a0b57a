"""Looks into the state database from outside, to see what has been committed; it never writes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable


class _Rows(Protocol):
    def fetchone(self) -> Any: ...


class _Reads(Protocol):
    def execute(self, query: str, /) -> _Rows: ...

    def close(self) -> None: ...


class Books:
    """A second, reading connection to the state service's database."""

    def __init__(self, url: str) -> None:
        self._connection: _Reads
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            self._connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None
            )
        else:
            self._connection = psycopg.connect(
                url.replace("postgresql+psycopg", "postgresql"), autocommit=True
            )

    def number(self, query: str) -> int:
        """Return the one number that a query finds."""
        return int(self._connection.execute(query).fetchone()[0])

    def purged(self) -> int:
        """Return how many assets have been through every stage."""
        return self.number("SELECT count(*) FROM asset WHERE removal = 'purged'")

    def files(self) -> int:
        """Return how many files those assets have."""
        return self.number("SELECT count(*) FROM media WHERE local = 'purged'")

    def rejected(self) -> int:
        """Return how many reports the state service refused; a valid measurement has none."""
        return self.number("SELECT count(*) FROM rejected")

    async def wait_until(
        self, done: Callable[[], bool], every: float, within: float, check: Callable[[], None]
    ) -> float:
        """Return the moment (time.perf_counter) at which `done` was first seen; TimeoutError after `within` seconds."""
        deadline = time.perf_counter() + within
        while not done():
            check()
            if time.perf_counter() > deadline:
                raise TimeoutError(f"not done within {within:g} s")
            await asyncio.sleep(every)
        return time.perf_counter()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
