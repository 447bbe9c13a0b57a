"""Loads and writes the books: one transaction from report to outbox; the only module that changes rows of media.

A transaction is: load what the reports name, apply, plan, write everything, commit. Nothing is published from here.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal,
    not_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from services.state import schema
from services.state.policy.facts import Asset, Books, Media, Move, Proof, Task
from services.state.policy.status import derived

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from shared.domain.ids import GoogleLevel

Row = TypeVar("Row", Asset, Media, Task)

ASSET_FIELDS = tuple(f.name for f in fields(Asset) if f.name != "media")
MEDIA_FIELDS = tuple(f.name for f in fields(Media))
TASK_FIELDS = tuple(f.name for f in fields(Task))
MOVE_FIELDS = tuple(f.name for f in fields(Move))
PROOF_FIELDS = tuple(f.name for f in fields(Proof))
_ASSET_TUPLE, _MEDIA_TUPLE, _TASK_TUPLE = (
    attrgetter(*names) for names in (ASSET_FIELDS, MEDIA_FIELDS, TASK_FIELDS)
)
_ASSETS = select(*(schema.asset.c[name] for name in ASSET_FIELDS))
_MEDIA = select(*(schema.media.c[name] for name in MEDIA_FIELDS))
_TASKS = select(*(schema.work.c[name] for name in TASK_FIELDS))
_UPDATE_ASSET = (
    update(schema.asset)
    .where(schema.asset.c.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in ASSET_FIELDS if name != "id"})
)
DERIVED = (
    "local_path", "status", "synced_google", "synced_nas", "album_moved", "deleted_icloud",
    "current_size", "last_updated",
)  # fmt: skip
_UPDATE_MEDIA = (
    update(schema.media)
    .where(schema.media.c.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in (*MEDIA_FIELDS, *DERIVED) if name != "id"})
)
_UPDATE_TASK = (
    update(schema.work)
    .where(schema.work.c.stage == bindparam("row_stage"), schema.work.c.key == bindparam("row_key"))
    .values({name: bindparam(name) for name in TASK_FIELDS if name not in {"stage", "key"}})
)
_MARK_OUT = (
    update(schema.work)
    .where(
        schema.work.c.stage == bindparam("row_stage"),
        schema.work.c.key == bindparam("row_key"),
        schema.work.c.attempt == bindparam("row_attempt"),
        schema.work.c.state == "due",
    )
    .values(
        state="out",
        published_seq=bindparam("published_seq"),
        published_at=bindparam("published_at"),
    )
)
CHUNK = 400
"""Values in one IN list; SQLite's own limit is far higher, Postgres plans such lists well."""


class Transaction:
    """One open transaction and the books that belong to it."""

    def __init__(
        self, connection: Connection, now: datetime, library_root: str, level: GoogleLevel
    ) -> None:
        self.connection = connection
        self.books = Books(
            now=now,
            taken=self._taken,
            next_asset=_next_id(connection, schema.asset),
            next_media=_next_id(connection, schema.media),
            write_step=lambda asset: self._write_rows([asset]),
        )
        self._library_root, self._level = library_root, level
        self._assets: dict[int, tuple[object, ...]] = {}
        self._removals: dict[int, str] = {}
        self._media: dict[int, tuple[object, ...]] = {}
        self._tasks: dict[tuple[str, int], tuple[object, ...]] = {}
        self.books.settings = {
            row.key: row.value for row in connection.execute(select(schema.setting))
        }
        self._settings = dict(self.books.settings)

    def _taken(self, key: str) -> bool:
        query = (
            select(schema.media.c.id).where(schema.media.c.path_key == key)
            if key.startswith("file:")
            else select(schema.asset.c.id).where(schema.asset.c.stem_key == key)
        )
        return self.connection.execute(query).first() is not None

    def known_reports(self, ids: Collection[str]) -> set[str]:
        """Return which of these reports were applied before."""
        known: set[str] = set()
        for part in _chunks(list(ids)):
            query = select(schema.inbox.c.report_id).where(schema.inbox.c.report_id.in_(part))
            known.update(self.connection.execute(query).scalars())
        return known

    def load_media(self, ids: Iterable[int]) -> None:
        """Take the assets of these media into the books."""
        missing = [key for key in ids if key not in self.books.media]
        found: set[int] = set()
        for part in _chunks(missing):
            query = select(schema.media.c.asset_id).where(schema.media.c.id.in_(part))
            found.update(self.connection.execute(query).scalars())
        self.load_assets(found)

    def load_icloud(self, ids: Sequence[str]) -> None:
        """Take the assets with these iCloud ids into the books, where they exist."""
        found: set[int] = set()
        for part in _chunks([key for key in ids if key not in self.books.by_icloud_id]):
            query = select(schema.asset.c.id).where(schema.asset.c.icloud_id.in_(part))
            found.update(self.connection.execute(query).scalars())
        self.load_assets(found)

    def load_assets(self, ids: Iterable[int]) -> None:
        """Take these assets with their media and tasks into the books."""
        for part in _chunks([key for key in ids if key not in self.books.assets]):
            assets = {
                row.id: Asset(*row)
                for row in self.connection.execute(_ASSETS.where(schema.asset.c.id.in_(part)))
            }
            for row in self.connection.execute(
                _MEDIA.where(schema.media.c.asset_id.in_(part)).order_by(schema.media.c.id)
            ):
                media = Media(*row)
                self._media[media.id] = tuple(row)
                assets[media.asset_id].media.append(media)
            for asset in assets.values():
                self._assets[asset.id] = _ASSET_TUPLE(asset)
                self._removals[asset.id] = asset.removal
                self.books.add(asset)
            for row in self.connection.execute(_TASKS.where(schema.work.c.asset_id.in_(part))):
                task = Task(*row)
                self.books.put_task(task)
                self._tasks[task.stage, task.key] = tuple(row)

    def write(self, applied: Sequence[str]) -> None:
        """Write all that the books hold anew; the caller commits."""
        books, run = self.books, self.connection.execute
        if applied:
            run(insert(schema.inbox), [{"report_id": key, "at": books.now} for key in applied])
        self._write_rows(books.assets.values())
        self._write_tasks()
        if books.moves:
            run(insert(schema.history), [_named(books.now, MOVE_FIELDS, m) for m in books.moves])
        if books.proofs:
            run(
                insert(schema.evidence),
                [_named(books.now, PROOF_FIELDS, proof) for proof in books.proofs],
            )
        self._write_rest()

    def _write_rows(self, assets: Collection[Asset]) -> None:
        removed = self._write_assets(assets)
        self._write_media([media for asset in assets for media in asset.media], removed)

    def _write_assets(self, assets: Iterable[Asset]) -> set[int]:
        """Write changed assets; return those whose removal moved, on which media columns depend."""
        removed: set[int] = set()
        new, changed = [], []
        for asset in assets:
            row = _ASSET_TUPLE(asset)
            before = self._assets.get(asset.id)
            if before is None:
                new.append(dict(zip(ASSET_FIELDS, row, strict=True)))
            elif before != row:
                changed.append(
                    {"row_id": asset.id, **dict(zip(ASSET_FIELDS[1:], row[1:], strict=True))}
                )
            self._assets[asset.id] = row
            if self._removals.get(asset.id) != asset.removal:
                self._removals[asset.id] = asset.removal
                removed.add(asset.id)
        if new:
            self.connection.execute(insert(schema.asset), new)
        if changed:
            self.connection.execute(_UPDATE_ASSET, changed)
        return removed

    def _write_media(self, files: Iterable[Media], removed: Collection[int]) -> None:
        new, changed = [], []
        for media in files:
            row = _MEDIA_TUPLE(media)
            before = self._media.get(media.id)
            if before == row and media.asset_id not in removed:
                continue
            self._media[media.id] = row
            values = self._media_values(media, row)
            if before is None:
                new.append(values)
            else:
                values["row_id"] = values.pop("id")
                changed.append(values)
        if new:
            self.connection.execute(insert(schema.media), new)
        if changed:
            self.connection.execute(_UPDATE_MEDIA, changed)

    def _media_values(self, media: Media, row: tuple[object, ...]) -> dict[str, Any]:
        values = dict(zip(MEDIA_FIELDS, row, strict=True))
        asset = self.books.asset_of(media)
        values |= derived(asset, media, self._library_root, self._level)
        values["last_updated"] = self.books.now
        return values

    def _write_tasks(self) -> None:
        new, changed = [], []
        for key, task in self.books.tasks.items():
            row = _TASK_TUPLE(task)
            before = self._tasks.get(key)
            if before is None:
                new.append(dict(zip(TASK_FIELDS, row, strict=True)))
            elif before != row:
                values = dict(zip(TASK_FIELDS, row, strict=True))
                values["row_stage"], values["row_key"] = values.pop("stage"), values.pop("key")
                changed.append(values)
        if new:
            self.connection.execute(insert(schema.work), new)
        if changed:
            self.connection.execute(_UPDATE_TASK, changed)

    def _write_rest(self) -> None:
        books = self.books
        for key, value in books.settings.items():
            if self._settings.get(key) != value or key not in self._settings:
                self._upsert(schema.setting, {"key": key}, {"value": value})
        for name, (token, final) in books.tokens.items():
            values: dict[str, Any] = {"token": token}
            if final:
                values["looked_at"] = books.now
            self._upsert(schema.zone, {"name": name}, values)
        for key, (text, raised) in books.attention.items():
            self._write_attention(key, text, raised)
        for key, outcome in books.closed_permits.items():
            self.close_permit(key, outcome)
        if books.void_archive is not None:
            self._void(*books.void_archive)

    def _write_attention(self, key: str, text: str, raised: bool) -> None:
        now = self.books.now
        if raised:
            values: dict[str, Any] = {"text": text, "raised_at": now, "cleared_at": None}
            self._upsert(schema.attention, {"key": key}, values)
            return
        column = schema.attention.c.key
        which = (
            column.startswith(key[:-1], autoescape=True) if key.endswith(":*") else column == key
        )
        self.connection.execute(
            update(schema.attention)
            .where(which, schema.attention.c.cleared_at.is_(None))
            .values(cleared_at=now)
        )

    def _void(self, archive: str, file_system: str) -> None:
        """Void what was verified on another archive; the assets are planned again."""
        here = and_(
            schema.media.c.nas_archive == archive, schema.media.c.nas_file_system == file_system
        )
        other = and_(schema.media.c.nas == "verified", not_(here))
        ids = select(schema.media.c.asset_id).where(other)
        self.connection.execute(
            update(schema.asset).where(schema.asset.c.id.in_(ids)).values(wake_at=self.books.now)
        )
        moved = select(
            literal(self.books.now, schema.Instant()),
            schema.media.c.asset_id,
            schema.media.c.id,
            literal("nas"),
            schema.media.c.nas,
            literal("void"),
            literal(self.books.report_id),
            literal("it was verified on another archive or disk"),
        ).where(other)
        columns = ("at", "asset_id", "media_id", "machine", "old", "new", "report_id", "note")
        self.connection.execute(insert(schema.history).from_select(columns, moved))
        self.connection.execute(
            update(schema.media).where(other).values(nas="void", synced_nas=None)
        )

    def _upsert(self, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        make = sqlite_insert if self.connection.dialect.name == "sqlite" else postgres_insert
        statement = make(table).values(**key, **values)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=values)
        )

    def close_permit(self, key: str, outcome: str) -> None:
        """Write what became of a permit; only an open one can be closed."""
        self.connection.execute(
            update(schema.permit)
            .where(schema.permit.c.id == key, schema.permit.c.outcome == "open")
            .values(outcome=outcome, closed_at=self.books.now)
        )

    def issue_permit(self, asset: Asset, permit: str, deadline: datetime, evidence: object) -> None:
        """Write a permit; it is decided in this same transaction and closed by the report that spends it."""
        self.connection.execute(
            insert(schema.permit).values(
                id=permit,
                asset_id=asset.id,
                issued_at=self.books.now,
                deadline=deadline,
                change_tag=asset.change_tag,
                evidence=json.dumps(evidence, default=str),
                outcome="open",
            )
        )


class Store:
    """The database as transactions over books."""

    def __init__(self, engine: Engine, library_root: str, level: GoogleLevel) -> None:
        self.engine = engine
        self._library_root, self._level = library_root, level
        self._marks: list[dict[str, Any]] = []

    @contextmanager
    def transaction(self, now: datetime) -> Iterator[Transaction]:
        """Open a transaction; it commits at the end and leaves nothing behind on an error."""
        marks, self._marks = self._marks, []
        try:
            with self.engine.begin() as connection:
                if marks:
                    connection.execute(_MARK_OUT, marks)
                yield Transaction(connection, now, self._library_root, self._level)
        except BaseException:
            self._marks = marks + self._marks
            raise

    def mark_out(self, published: Sequence[tuple[Task, int | None]], now: datetime) -> None:
        """Note which due tasks were published, and where in their stream; the next transaction writes it.

        Lost in a crash, the row still says `due`: it is published again under the same message id.
        """
        self._marks += [
            {
                "row_stage": task.stage,
                "row_key": task.key,
                "row_attempt": task.attempt,
                "published_seq": seq,
                "published_at": now,
            }
            for task, seq in published
        ]

    def flush_marks(self, now: datetime) -> None:
        """Write what `mark_out` noted, if anything."""
        if self._marks:
            with self.transaction(now):
                pass

    def reject(self, report_id: str, subject: str, reason: str, body: str, now: datetime) -> None:
        """Keep a report that could not be applied, for a person to see; once."""
        values = {"at": now, "subject": subject, "reason": reason, "body": body}
        with self.engine.begin() as connection:
            make = sqlite_insert if connection.dialect.name == "sqlite" else postgres_insert
            statement = make(schema.rejected).values(report_id=report_id, **values)
            connection.execute(statement.on_conflict_do_nothing())
            again = make(schema.inbox).values(report_id=report_id, at=now)
            connection.execute(again.on_conflict_do_nothing())


def _next_id(connection: Connection, table: Table) -> int:
    last: int | None = connection.execute(select(func.max(table.c.id))).scalar()
    return (last or 0) + 1


def _chunks(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _named(now: datetime, names: Sequence[str], row: Move | Proof) -> dict[str, Any]:
    return {"at": now, **{name: getattr(row, name) for name in names}}
