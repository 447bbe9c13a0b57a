"""One transaction from reports to outbox: load what is named, apply, plan, write everything; it publishes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, func, insert, select

from services.state import album_rows, rows, schema
from services.state.library_rows import (
    close_permit,
    close_release,
    issue_permit,
    write_library,
)
from services.state.policy.albums import names_of
from services.state.policy.facts import Asset, Books, Media, Move, Proof, Task
from services.state.policy.status import derived

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from services.state.policy.rules import Policy


class Transaction:
    """One open transaction and the books that belong to it."""

    def __init__(
        self, connection: Connection, now: datetime, library_root: str, policy: Policy
    ) -> None:
        self.connection = connection
        self.books = Books(
            now=now,
            taken=self._taken,
            next_asset=_next_id(connection, schema.asset),
            next_media=_next_id(connection, schema.media),
            write_step=lambda asset: self._write_rows([asset]),
            pending_album=policy.pending_album,
            folders=policy.folders,
            first_retry=policy.first_retry,
            tries=policy.tries,
        )
        self.applied: set[str] = set()
        """The reports that `write` wrote down as known from now on."""
        self._library_root, self._level = library_root, policy.deletion.google_level
        self._assets: dict[int, tuple[object, ...]] = {}
        self._removals: dict[int, str] = {}
        self._media: dict[int, tuple[object, ...]] = {}
        self._tasks: dict[tuple[str, int], tuple[object, ...]] = {}
        self.books.settings = {
            row.key: row.value for row in connection.execute(select(schema.setting))
        }
        self._settings = dict(self.books.settings)
        looked = select(schema.zone.c.name).where(schema.zone.c.looked_at.is_not(None))
        self.books.zones_looked = set(connection.execute(looked).scalars())

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
        for part in rows.chunks(list(ids)):
            query = select(schema.inbox.c.report_id).where(schema.inbox.c.report_id.in_(part))
            known.update(self.connection.execute(query).scalars())
        return known

    def load_media(self, ids: Iterable[int]) -> None:
        """Take the assets of these media into the books."""
        missing = [key for key in ids if key not in self.books.media]
        found: set[int] = set()
        for part in rows.chunks(missing):
            query = select(schema.media.c.asset_id).where(schema.media.c.id.in_(part))
            found.update(self.connection.execute(query).scalars())
        self.load_assets(found)

    def load_icloud(self, ids: Sequence[str]) -> None:
        """Take the assets with these iCloud ids into the books, where they exist, and who is in which album in any case."""
        found: set[int] = set()
        for part in rows.chunks([key for key in ids if key not in self.books.by_icloud_id]):
            query = select(schema.asset.c.id).where(schema.asset.c.icloud_id.in_(part))
            found.update(self.connection.execute(query).scalars())
        self.load_assets(found)
        album_rows.load_members(self.connection, self.books, ids)

    def load_albums(self, ids: Iterable[str]) -> None:
        """Take these albums into the books, where they exist."""
        album_rows.load_albums(self.connection, self.books, ids)

    def load_assets(self, ids: Iterable[int]) -> None:
        """Take these assets with their media and tasks into the books."""
        for part in rows.chunks([key for key in ids if key not in self.books.assets]):
            assets = {
                row.id: Asset(*row)
                for row in self.connection.execute(
                    rows.SELECT_ASSETS.where(schema.asset.c.id.in_(part))
                )
            }
            for row in self.connection.execute(
                rows.SELECT_MEDIA.where(schema.media.c.asset_id.in_(part)).order_by(
                    schema.media.c.id
                )
            ):
                media = Media(*row)
                self._media[media.id] = tuple(row)
                assets[media.asset_id].media.append(media)
            album_rows.load_members(
                self.connection, self.books, [a.icloud_id for a in assets.values()]
            )
            for asset in assets.values():
                asset.albums = names_of(self.books, asset.icloud_id)
                self._assets[asset.id] = rows.ASSET_TUPLE(asset)
                self._removals[asset.id] = asset.removal
                self.books.add(asset)
            for row in self.connection.execute(
                rows.SELECT_TASKS.where(schema.work.c.asset_id.in_(part))
            ):
                task = Task(*row)
                self.books.put_task(task)
                self._tasks[task.stage, task.key] = tuple(row)

    def load_permits(self, ids: Sequence[str]) -> None:
        """Take these permits into the books: whose they are, and what became of them."""
        if not ids:
            return
        permit = schema.permit.c
        query = select(permit.id, permit.asset_id, permit.outcome).where(permit.id.in_(ids))
        self.books.permits.update(
            (row.id, (row.asset_id, row.outcome)) for row in self.connection.execute(query)
        )

    def write(self, applied: Sequence[str]) -> None:
        """Write all that the books hold anew; the caller commits."""
        books, run = self.books, self.connection.execute
        self.applied.update(applied)
        if applied:
            run(insert(schema.inbox), [{"report_id": key, "at": books.now} for key in applied])
        self._write_rows(books.assets.values())
        self._write_tasks()
        if books.moves:
            run(
                insert(schema.history),
                [_named(books.now, rows.MOVE_FIELDS, m) for m in books.moves],
            )
        if books.proofs:
            run(
                insert(schema.evidence),
                [_named(books.now, rows.PROOF_FIELDS, proof) for proof in books.proofs],
            )
        write_library(self.connection, books, self._settings)
        album_rows.write_albums(self.connection, books)

    def _write_rows(self, assets: Collection[Asset]) -> None:
        removed = self._write_assets(assets)
        self._write_media([media for asset in assets for media in asset.media], removed)

    def _write_assets(self, assets: Iterable[Asset]) -> set[int]:
        """Write changed assets; return those whose removal moved, on which media columns depend."""
        removed: set[int] = set()
        new, changed = [], []
        for asset in assets:
            row = rows.ASSET_TUPLE(asset)
            before = self._assets.get(asset.id)
            if before is None:
                new.append(dict(zip(rows.ASSET_FIELDS, row, strict=True)))
            elif before != row:
                changed.append(
                    {"row_id": asset.id, **dict(zip(rows.ASSET_FIELDS[1:], row[1:], strict=True))}
                )
            self._assets[asset.id] = row
            if self._removals.get(asset.id) != asset.removal:
                self._removals[asset.id] = asset.removal
                removed.add(asset.id)
        if new:
            self.connection.execute(insert(schema.asset), new)
        if changed:
            self.connection.execute(rows.UPDATE_ASSET, changed)
        return removed

    def _write_media(self, files: Iterable[Media], removed: Collection[int]) -> None:
        new, changed = [], []
        for media in files:
            row = rows.MEDIA_TUPLE(media)
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
            self.connection.execute(rows.UPDATE_MEDIA, changed)

    def _media_values(self, media: Media, row: tuple[object, ...]) -> dict[str, Any]:
        values = dict(zip(rows.MEDIA_FIELDS, row, strict=True))
        asset = self.books.asset_of(media)
        values |= derived(asset, media, self._library_root, self._level)
        values["last_updated"] = self.books.now
        return values

    def _write_tasks(self) -> None:
        new, changed = [], []
        for key, task in self.books.tasks.items():
            row = rows.TASK_TUPLE(task)
            before = self._tasks.get(key)
            if before is None:
                new.append(dict(zip(rows.TASK_FIELDS, row, strict=True)))
            elif before != row:
                values = dict(zip(rows.TASK_FIELDS, row, strict=True))
                values["row_stage"], values["row_key"] = values.pop("stage"), values.pop("key")
                changed.append(values)
        if new:
            self.connection.execute(insert(schema.work), new)
        if changed:
            self.connection.execute(rows.UPDATE_TASK, changed)

    def close_permit(self, key: str, outcome: str) -> None:
        """Write at once what became of a permit."""
        close_permit(self.connection, key, outcome, self.books.now)

    def lapse_release(self, media: int) -> None:
        """Write at once that an earlier permit for this file's original was never used: its holder asks again."""
        close_release(self.connection, media, "lapsed unused", self.books.now)

    def issue_permit(
        self,
        asset: Asset,
        permit: str,
        deadline: datetime,
        evidence: object,
        media: int | None = None,
    ) -> None:
        """Write a permit at once, so that the next claim of this transaction counts it."""
        issue_permit(
            self.connection,
            asset,
            permit,
            now=self.books.now,
            deadline=deadline,
            evidence=evidence,
            media=media,
        )


def _next_id(connection: Connection, table: Table) -> int:
    last: int | None = connection.execute(select(func.max(table.c.id))).scalar()
    return (last or 0) + 1


def _named(now: datetime, names: Sequence[str], row: Move | Proof) -> dict[str, Any]:
    return {"at": now, **{name: getattr(row, name) for name in names}}
