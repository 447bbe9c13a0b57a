"""Makes a backup of the running books: always a SQLite file, checked by opening it; it never replaces a file or the books."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.state.database import connect, known_revision, revision_of, upgrade_on
from services.state.transfer import copy, sums
from shared.adapters.publishing import commit
from shared.domain.errors import Fatal, Permanent

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

_NAME: Final = re.compile(r"state-(\d{8}T\d{6})Z\.db")
_STAMP: Final = "%Y%m%dT%H%M%S"


def backup(engine: Engine, folder: Path, keep: int, now: datetime) -> Path:
    """Make one, remove those beyond the newest `keep`, and return its path; nothing is removed when it fails."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(".state-*.db.part*"):  # of one that was killed
        left.unlink()
    target = folder / f"state-{now.astimezone(UTC).strftime(_STAMP)}Z.db"
    snapshot(engine, target)
    for old in backups(folder)[keep:]:
        old.unlink()
    return target


def backups(folder: Path) -> list[Path]:
    """Return the backups of a folder, the newest first; other files are none of ours."""
    found = [path for path in folder.glob("state-*.db") if _NAME.fullmatch(path.name)]
    return sorted(found, reverse=True)


def made_at(path: Path) -> datetime:
    """Return when a backup was made, as its name says."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise ValueError(f"{path.name} is no backup's name")
    return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)


def snapshot(engine: Engine, target: Path) -> None:
    """Write the books as they are at one instant to a new SQLite file, mode 0600, checked, durable."""
    if target.exists():
        raise Permanent(f"{target} exists already; it was left as it is.")
    temp = target.with_name(f".{target.name}.part")
    temp.unlink(missing_ok=True)
    os.close(os.open(temp, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    try:
        if engine.dialect.name == "sqlite":
            _vacuum(engine, temp)
        else:
            _dump(engine, temp)
        verify(temp)
        commit(temp, target)
    finally:
        for left in (temp, *(temp.with_name(temp.name + end) for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)


def verify(path: Path) -> str:
    """Open a backup and return its revision; Fatal when it is no whole database of a photoduct known here."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            for name in ("asset", "media", "work", "setting"):
                connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - own names
    except (sqlite3.Error, TypeError) as error:
        raise Fatal(f"{path} is no backup of photoduct's books: {error}") from error
    if answer != "ok":
        raise Fatal(f"{path} is damaged: {answer}")
    known_revision(str(revision))
    return str(revision)


def _vacuum(engine: Engine, temp: Path) -> None:
    """By a connection of its own in this same process, so that the one writer is not held up."""
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        connection.execute("VACUUM INTO ?", (str(temp),))


def _dump(engine: Engine, temp: Path) -> None:
    made = connect(f"sqlite:///{temp}")
    try:
        with made.begin() as empty:
            upgrade_on(empty, revision_of(engine) or "head")
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as source:
            with made.begin() as target:
                copied = copy(source, target)
            with made.connect() as again:
                if sums(again, source) != copied:
                    raise Fatal("The backup differs from the books; it was not kept.")
    finally:
        made.dispose()
    with closing(sqlite3.connect(temp)) as plain:
        plain.execute("PRAGMA journal_mode=DELETE")
