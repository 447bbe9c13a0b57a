"""Triggers by which the database itself refuses illegal moves; made from the table of states, they know no move of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, text

from services.state.schema import legal_move
from shared.domain.states import MOVES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

TABLE_OF = {machine: "asset" if machine == "removal" else "media" for machine in MOVES}


def write_moves(connection: Connection) -> None:
    """Make the database's table of legal moves equal to the code's."""
    rows = [
        {"machine": machine, "old": old, "new": new}
        for machine, moves in MOVES.items()
        for old, news in moves.items()
        for new in news
    ]
    connection.execute(delete(legal_move))
    connection.execute(insert(legal_move), rows)


def create_triggers(connection: Connection) -> None:
    """Create the triggers of every machine."""
    make = _sqlite if connection.dialect.name == "sqlite" else _postgres
    for machine, table in TABLE_OF.items():
        for statement in make(machine, table):
            connection.execute(text(statement))


def _illegal(machine: str, old: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM legal_move AS legal "  # noqa: S608 - names from our own table
        f"WHERE legal.machine = '{machine}' AND legal.old = {old} "
        f'AND legal.new = NEW."{machine}")'
    )


def _sqlite(machine: str, table: str) -> Iterator[str]:
    abort = f"SELECT RAISE(ABORT, 'illegal move of {machine}')"
    yield (
        f'CREATE TRIGGER {table}_{machine}_moves BEFORE UPDATE OF "{machine}" ON {table} '
        f'WHEN OLD."{machine}" <> NEW."{machine}" AND '
        f'{_illegal(machine, f"""OLD."{machine}" """)} BEGIN {abort}; END'
    )
    yield (
        f"CREATE TRIGGER {table}_{machine}_starts BEFORE INSERT ON {table} "
        f"WHEN {_illegal(machine, chr(39) * 2)} BEGIN {abort}; END"
    )


def _postgres(machine: str, table: str) -> Iterator[str]:
    name = f"{table}_{machine}"
    raise_it = f"RAISE EXCEPTION 'illegal move of {machine}' USING ERRCODE = 'check_violation';"
    yield (
        f"CREATE FUNCTION {name}_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'INSERT' THEN IF {_illegal(machine, chr(39) * 2)} THEN {raise_it} END IF; "
        f'ELSIF OLD."{machine}" <> NEW."{machine}" AND '
        f'{_illegal(machine, f"""OLD."{machine}" """)} THEN {raise_it} END IF; '
        "RETURN NEW; END $$"
    )
    yield (
        f'CREATE TRIGGER {name}_moves BEFORE INSERT OR UPDATE OF "{machine}" ON {table} '
        f"FOR EACH ROW EXECUTE FUNCTION {name}_moves()"
    )
