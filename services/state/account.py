"""Sees to it that books stay with one Apple Account: to another's, every photo in them would look as if it had left iCloud."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from services.state import schema
from services.state.library_rows import upsert
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

_KEY: Final = "account"


class Account(BaseModel):
    """What of the `icloud` part the books depend on."""

    model_config = ConfigDict(extra="ignore")

    apple_id: str = ""


def keep_to(engine: Engine, account: Account) -> None:
    """Remember in new books whose they are; Fatal, and nothing is changed, when they are another's."""
    wanted = _plain(account)
    query = select(schema.setting.c.value).where(schema.setting.c.key == _KEY)
    with engine.connect() as connection:
        known = connection.execute(query).scalar()
    _refuse(
        "These books are",
        known,
        wanted,
        "Another account needs books of its own (data, or state.database_url); for the same one under "
        "a new address run `photoduct state rename-account`.",
    )
    if wanted and not known:
        rename(engine, account)


def rename(engine: Engine, account: Account) -> None:
    """Remember that the books are of this account from now on."""
    with engine.begin() as connection:
        named = [{"key": _KEY, "value": _plain(account)}]
        upsert(connection, schema.setting, ("key",), named)


def check_backup(file: Path, account: Account) -> None:
    """Raise Fatal for a backup of another's books; what is no backup is for others to refuse."""
    known = None
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection,
    ):
        query = "SELECT value FROM setting WHERE key = ?"
        (known,) = connection.execute(query, (_KEY,)).fetchone() or (None,)
    _refuse(
        "This backup is",
        known,
        _plain(account),
        f"For the same account under a new address set icloud.apple_id to {known} and restore, "
        "then set the new one and run `photoduct state rename-account`.",
    )


def _refuse(what: str, known: str | None, wanted: str, way: str) -> None:
    if known and wanted and known != wanted:
        raise Fatal(
            f"{what} of the Apple Account {known}, and icloud.apple_id is {wanted}; nothing was changed. {way}"
        )


def _plain(account: Account) -> str:
    return account.apple_id.strip().casefold()
