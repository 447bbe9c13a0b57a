"""Copies all books from one database to another and compares them row by row; it never changes the source."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Text, column, func, insert, inspect, select, table, text

from services.state import schema
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Inspector
    from sqlalchemy.sql.expression import TableClause

CHUNK: Final = 1_000
_FIELD: Final = 1 << 256
COPIED: Final = tuple(one for one in schema.metadata.sorted_tables if one.name != "legal_move")
"""Every table but the one of legal moves, which belongs to the code."""


class Sum(NamedTuple):
    """What a table holds: its number of rows, and a hash that does not depend on their order."""

    rows: int
    digest: str


def sums(connection: Connection, of: Connection | None = None) -> dict[str, Sum]:
    """Return the sum of each table; equal contents give equal sums on every kind of database.

    `of`: only the tables and columns that these books have, too; they may be older.
    """
    return {one.name: _sum(connection, one) for one in _tables(of or connection)}


def copy(
    source: Connection, target: Connection, tell: Callable[[str, int], None] = lambda *_: None
) -> dict[str, Sum]:
    """Copy every row into the empty `target`, compare, and return the sums; the caller commits.

    Both connections are in a transaction. `tell` hears of progress: table and rows so far. Fatal when the target holds
    other books, or does not hold afterwards what the source does; the same books are a copy that is done already.
    """
    tables = _tables(source)
    if any(_count(target, one) for one in _tables(target)):
        if (found := sums(target, source)) == sums(source):
            return found
        raise Fatal("The database to copy into holds other books; nothing was changed.")
    with _without_triggers(target):
        for one in tables:
            _copy_table(source, target, one, tell)
    _set_sequences(target)
    wanted, found = sums(source), sums(target, source)
    if wrong := [name for name, one in wanted.items() if found[name] != one]:
        raise Fatal(f"The copy differs from its source in {', '.join(wrong)}; nothing was kept.")
    return found


def _copy_table(
    source: Connection, target: Connection, one: TableClause, tell: Callable[[str, int], None]
) -> None:
    done = 0
    for part in _parts(source, one):
        target.execute(insert(one), [dict(row) for row in part])
        done += len(part)
        tell(one.name, done)


def _parts(connection: Connection, one: TableClause) -> Iterator[list[Any]]:
    found = connection.execute(select(*one.c), execution_options={"yield_per": CHUNK})
    for part in found.mappings().partitions():
        yield list(part)


def _sum(connection: Connection, one: TableClause) -> Sum:
    total = count = 0
    for part in _parts(connection, one):
        for row in part:
            line = json.dumps(list(row.values()), ensure_ascii=True).encode()
            total += int.from_bytes(hashlib.sha256(line).digest(), "big")
            count += 1
    return Sum(count, f"{total % _FIELD:064x}")


def _count(connection: Connection, one: TableClause) -> int:
    return int(connection.execute(select(func.count()).select_from(one)).scalar_one())


def _tables(connection: Connection) -> list[TableClause]:
    """Return the tables that there are, of older books, too; instants as the text that they are: a copy interprets nothing."""
    look = inspect(connection)
    names = set(look.get_table_names())
    return [_bare(one, look) for one in COPIED if one.name in names]


def _bare(one: Table, look: Inspector) -> TableClause:
    there = {column["name"] for column in look.get_columns(one.name)}
    return table(
        one.name,
        *(
            column(c.name, Text() if isinstance(c.type, schema.Instant) else c.type)
            for c in one.c
            if c.name in there
        ),
    )


@contextmanager
def _without_triggers(connection: Connection) -> Iterator[None]:
    """Let rows be inserted in the state in which they are; every trigger is back afterwards, or the transaction fails."""
    if connection.dialect.name != "sqlite":
        for name in ("asset", "media"):
            connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        yield
        for name in ("asset", "media"):
            connection.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = connection.exec_driver_sql(query).all()
    for trigger in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{trigger.name}"')
    yield
    for trigger in triggers:
        connection.exec_driver_sql(trigger.sql)


def _set_sequences(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        return  # there the next id follows the highest by itself
    for name in ("history", "evidence"):
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "  # noqa: S608 - our own table
                f"COALESCE(MAX(id), 0) + 1, false) FROM {name}"
            )
        )
