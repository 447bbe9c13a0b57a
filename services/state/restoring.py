"""Puts a backup in the books' place, the present ones kept aside, and distrusts what the world may have overtaken."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, literal, select, text, update

from services.state import schema
from services.state.backup import verify
from services.state.database import connect, open_database, refuse_foreign, upgrade_on
from services.state.library_rows import upsert
from services.state.transfer import copy
from shared.adapters.local_files import place, sync_dir
from shared.adapters.publishing import commit
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

NEW_LIFE: Final = 1_000
"""Added to every attempt: no order or answer of the time that the books forgot can be taken for one of now."""
_JOURNALS: Final = ("-wal", "-shm")
_ENDINGS: Final = ("", *_JOURNALS)


def restore(
    backup: Path,
    url: str,
    now: datetime,
    room: Path | None = None,
    guard: Callable[[Engine], object] | None = None,
) -> str | None:
    """Make the database at `url` hold the backup; the caller owns it, and gives its `guard`. Returns where the former books are now, None without any.

    For Postgres the books are made ready in the folder `room` (the system's for such files), which has to take them.

    Fatal, and nothing is changed, when the backup is damaged or of a newer photoduct; an older one is upgraded.
    """
    verify(backup)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    if url.startswith("sqlite"):
        return _to_file(backup, Path(url.removeprefix("sqlite:///")), now, stamp)
    return _to_postgres(backup, url, now, stamp, room, guard)


def _prepared(backup: Path, temp: Path, now: datetime) -> None:
    """Make a copy of the backup that is upgraded and distrusted."""
    for end in _ENDINGS:
        temp.with_name(temp.name + end).unlink(missing_ok=True)
    temp.touch(mode=0o600)
    with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as source:
        source.execute("VACUUM INTO ?", (str(temp),))  # with what a journal beside it holds
    engine = open_database(f"sqlite:///{temp}")
    try:
        with engine.begin() as connection:
            distrust(connection, now)
    finally:
        engine.dispose()


def _to_file(backup: Path, path: Path, now: datetime, stamp: str) -> str | None:
    temp = path.with_name(f".{path.name}.restoring")
    _prepared(backup, temp, now)
    aside = _put_aside(path, path.with_name(f"{path.name}.before-{stamp}"))
    commit(temp, path)
    return str(aside) if aside.exists() else None


def kept_aside(path: Path) -> list[Path]:
    """Return the books that restores have put aside beside SQLite books at `path`, the newest last."""
    found = path.parent.glob(f"{path.name}.before-*")
    return sorted(one for one in found if not one.name.endswith(_JOURNALS))


def _put_aside(path: Path, aside: Path) -> Path:
    """Rename the present books and return their new place; a restore that was killed here is gone on with.

    The books go before their journal, which holds what was written last: as long as the two are apart there are no
    books at `path`, and photoduct does not start.
    """
    if path.exists():
        try:
            place(path, aside)
        except FileExistsError as error:
            raise Fatal(f"{aside} exists already; nothing was changed.") from error
        sync_dir(path.parent)
    else:
        aside = next(reversed(kept_aside(path)), aside)
    for end in _JOURNALS:
        part = path.with_name(path.name + end)
        if part.exists():
            place(part, aside.with_name(aside.name + end))
    sync_dir(path.parent)
    return aside


def _to_postgres(
    backup: Path,
    url: str,
    now: datetime,
    stamp: str,
    room: Path | None,
    guard: Callable[[Engine], object] | None,
) -> str:
    """All in one transaction: the former tables move into a schema of their own."""
    aside = f"before_{stamp.lower()}"
    with TemporaryDirectory(dir=room) as folder:
        temp = Path(folder) / "books.db"
        _prepared(backup, temp, now)
        engine, source = connect(url), connect(f"sqlite:///{temp}")
        if guard is not None:
            guard(engine)
        try:
            refuse_foreign(engine, beside=False)  # they would move along
            with source.connect() as books, engine.begin() as connection:
                connection.execute(text(f'ALTER SCHEMA public RENAME TO "{aside}"'))
                connection.execute(text("CREATE SCHEMA public"))
                upgrade_on(connection)
                copy(books, connection)
        finally:
            engine.dispose()
            source.dispose()
    return f"the schema {aside}"


def distrust(connection: Connection, now: datetime) -> None:
    """Freeze deletion and take back what may not be true any more since the backup was made.

    Copies may have moved: each is verified anew. A veto may be forgotten: the dwell starts anew, approvals and
    permits end. iCloud is read from the start, so that nothing is missed.
    """
    why = "the books were restored from a backup; vetoes given after it was made have to be given again"
    upsert(connection, schema.setting, ("key",), [{"key": "frozen", "value": why}])
    raised: dict[str, Any] = {
        "key": "deletion-frozen",
        "text": f"Deletion is frozen: {why}",
        "raised_at": now,
        "cleared_at": None,
    }
    upsert(connection, schema.attention, ("key",), [raised])
    connection.execute(delete(schema.setting).where(schema.setting.c.key == "looked_at"))
    connection.execute(update(schema.zone).values(token=None, looked_at=None))
    permit, asset = schema.permit.c, schema.asset.c
    connection.execute(
        update(schema.permit).where(permit.outcome == "open").values(outcome="void", closed_at=now)
    )
    connection.execute(update(schema.asset).values(approved=False, wake_at=now))
    connection.execute(
        update(schema.asset).where(asset.removal == "pending").values(pending_since=now)
    )
    connection.execute(update(schema.work).values(attempt=schema.work.c.attempt + NEW_LIFE))
    out = schema.work.c.state == "out"
    due: dict[str, Any] = {
        "state": "due", "due_at": now, "published_seq": None, "published_at": None
    }  # fmt: skip
    connection.execute(update(schema.work).where(out).values(**due))
    _void_copies(connection, now)


def _void_copies(connection: Connection, now: datetime) -> None:
    media = schema.media.c
    verified = media.nas == "verified"
    moved = select(
        literal(now, schema.Instant()),
        media.asset_id,
        media.id,
        literal("nas"),
        media.nas,
        literal("void"),
        literal("restore"),
        literal("the books were restored from a backup"),
    ).where(verified)
    columns = ("at", "asset_id", "media_id", "machine", "old", "new", "report_id", "note")
    connection.execute(insert(schema.history).from_select(columns, moved))
    connection.execute(update(schema.media).where(verified).values(nas="void", synced_nas=None))
