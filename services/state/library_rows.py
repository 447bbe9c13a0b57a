"""Writes what concerns the library as a whole: settings, sync tokens, attention, permits, a swapped archive; no file's own facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, and_, insert, literal, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from services.state import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from services.state.policy.facts import Asset, Books


def write_library(connection: Connection, books: Books, before: Mapping[str, str | None]) -> None:
    """Write all of it; `before` is how the settings were loaded."""
    for key, value in books.settings.items():
        if key not in before or before[key] != value:
            upsert(connection, schema.setting, ("key",), [{"key": key, "value": value}])
    for name, (token, final) in books.tokens.items():
        values: dict[str, Any] = {"name": name, "token": token}
        if final:
            values["looked_at"] = books.now
        upsert(connection, schema.zone, ("name",), [values])
    for key, (text, raised) in books.attention.items():
        _write_attention(connection, key, text if raised else None, books.now)
    _close_permits(connection, books)
    if books.void_archive is not None:
        _void_others(connection, books, *books.void_archive)


def upsert(
    connection: Connection, table: Table, key: Sequence[str], values: Sequence[dict[str, Any]]
) -> None:
    """Insert rows of the same columns, or change those that have the same `key`."""
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgres_insert
    statement = make(table)
    rest = {name: statement.excluded[name] for name in values[0] if name not in key}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=rest), list(values)
    )


def _write_attention(connection: Connection, key: str, text: str | None, now: datetime) -> None:
    if text is None:
        _clear_attention(connection, key, now)
        return
    values = {"key": key, "text": text, "raised_at": now, "cleared_at": None}
    upsert(connection, schema.attention, ("key",), [values])


def _clear_attention(connection: Connection, key: str, now: datetime) -> None:
    """Clear one record, or with `<service>:*` all of a service."""
    column = schema.attention.c.key
    which = column.startswith(key[:-1], autoescape=True) if key.endswith(":*") else column == key
    connection.execute(
        update(schema.attention)
        .where(which, schema.attention.c.cleared_at.is_(None))
        .values(cleared_at=now)
    )


def _close_permits(connection: Connection, books: Books) -> None:
    for key, outcome in books.closed_permits.items():
        close_permit(connection, key, outcome, books.now)
    for media in books.released:
        close_release(connection, media, "released", books.now)


def close_permit(connection: Connection, key: str, outcome: str, now: datetime) -> None:
    """Write what became of a permit; only an open one can be closed."""
    connection.execute(
        update(schema.permit)
        .where(schema.permit.c.id == key, schema.permit.c.outcome == "open")
        .values(outcome=outcome, closed_at=now)
    )


def close_release(connection: Connection, media: int, outcome: str, now: datetime) -> None:
    """Write what became of the open permits by which this file's original might leave the archive."""
    connection.execute(
        update(schema.permit)
        .where(schema.permit.c.media_id == media, schema.permit.c.outcome == "open")
        .values(outcome=outcome, closed_at=now)
    )


def issue_permit(
    connection: Connection,
    asset: Asset,
    permit: str,
    *,
    now: datetime,
    deadline: datetime,
    evidence: object,
    media: int | None = None,
) -> None:
    """Write a permit; it is decided in this same transaction and closed by the report that spends it."""
    connection.execute(
        insert(schema.permit).values(
            id=permit,
            asset_id=asset.id,
            issued_at=now,
            deadline=deadline,
            change_tag=asset.change_tag,
            evidence=json.dumps(evidence, default=str),
            outcome="open",
            media_id=media,
        )
    )


def _void_others(connection: Connection, books: Books, archive: str, file_system: str) -> None:
    """Void what was verified on another archive or disk; the assets are planned again."""
    media = schema.media.c
    here = and_(media.nas_archive == archive, media.nas_file_system == file_system)
    other = and_(media.nas.in_(("verified", "mismatch")), not_(here))
    again = and_(media.nas == "void", media.nas_archive == archive)
    ids = select(media.asset_id).where(or_(other, again))
    connection.execute(
        update(schema.asset).where(schema.asset.c.id.in_(ids)).values(wake_at=books.now)
    )
    moved = select(
        literal(books.now, schema.Instant()),
        media.asset_id,
        media.id,
        literal("nas"),
        media.nas,
        literal("void"),
        literal(books.report_id),
        literal("it was verified on another archive or disk"),
    ).where(other)
    columns = ("at", "asset_id", "media_id", "machine", "old", "new", "report_id", "note")
    connection.execute(insert(schema.history).from_select(columns, moved))
    connection.execute(update(schema.media).where(other).values(nas="void", synced_nas=None))
