"""Answers questions about the books, in pages; a question can never change a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from services.state import schema
from services.state.policy.plan import before_album
from services.state.policy.weigh import asset_facts, moving
from shared.domain import questions
from shared.domain.gate import brakes, standing
from shared.domain.ids import GoogleLevel

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from services.state.policy.facts import Asset, Task
    from services.state.policy.rules import Policy
    from services.state.store import Store
    from services.state.truth import Truth
    from shared.domain.gate import Situation
    from shared.ports.clock import Clock

WATCHED = ("staged", "arrived", "settled", "freed", "suspect")
MACHINES = ("local", "google", "nas", "compression")


class Answers:
    """Reads the database for workers and people."""

    def __init__(self, store: Store, truth: Truth, policy: Policy, clock: Clock) -> None:
        self._store, self._truth, self._policy, self._clock = store, truth, policy, clock

    def sync_token(self, asked: questions.AskSyncToken) -> questions.SyncToken:
        """Return the zone's last recorded token."""
        query = select(schema.zone.c.token).where(schema.zone.c.name == asked.zone)
        with self._store.engine.connect() as connection:
            return questions.SyncToken(token=connection.execute(query).scalar())

    def google_watch(self, asked: questions.AskGoogleWatch) -> questions.GoogleWatch:
        """Return a page of the files that are out on the phone, by media id."""
        media = schema.media.c
        query = (
            select(schema.media)
            .where(
                media.google.in_(WATCHED), media.staged_path.is_not(None), media.id > asked.after
            )
            .order_by(media.id)
            .limit(asked.limit)
        )
        with self._store.engine.connect() as connection:
            rows = connection.execute(query).all()
        return questions.GoogleWatch(
            files=tuple(
                questions.WatchedFile(
                    media=row.id,
                    path=row.staged_path,
                    size=row.initial_size,
                    mtime_ns=row.staged_mtime_ns,
                    asset=row.icloud_id,
                    level=GoogleLevel.NONE if row.google == "suspect" else GoogleLevel(row.google),
                    level_since=row.google_since,
                    suspect=row.google == "suspect",
                )
                for row in rows
            )
        )

    def status(self, _asked: questions.AskStatus) -> questions.Status:
        """Count everything."""
        with self._store.engine.connect() as connection:
            return questions.Status(
                counts={
                    **{name: _count(connection, schema.media.c[name]) for name in MACHINES},
                    "status": _count(connection, schema.media.c.status),
                    "removal": _count(connection, schema.asset.c.removal),
                },
                work=_work(connection),
                attention=_attention(connection),
                totals=_totals(connection),
                stage_seconds=_stage_seconds(connection),
                retrying=_retrying(connection),
                looked=connection.execute(
                    select(func.count()).where(schema.zone.c.looked_at.is_not(None))
                ).scalar_one()
                > 0,
            )

    def media(self, asked: questions.AskRows) -> questions.Rows:
        """Return a page of media rows."""
        query = (
            select(schema.media).where(schema.media.c.id > asked.after).order_by(schema.media.c.id)
        )
        if asked.asset is not None:
            query = query.where(schema.media.c.icloud_id == asked.asset)
        return self._rows(query.limit(asked.limit))

    def failures(self, asked: questions.AskRows) -> questions.Rows:
        """Return quarantined tasks with the asset they belong to; a page is of whole assets, so that none is cut off."""
        work, asset = schema.work.c, schema.asset.c
        query = (
            select(work.stage, work.key, work.attempt, work.failures, work.reason, work.asset_id.label("id"),
                   asset.filename, asset.icloud_id)
            .join(schema.asset, asset.id == work.asset_id)
            .where(work.state == "quarantined", asset.id.in_(_failed_assets(asked)))
            .order_by(asset.id, work.stage, work.key)
        )  # fmt: skip
        return self._rows(query)

    def _rows(self, query: Any) -> questions.Rows:
        with self._store.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return questions.Rows(rows=tuple({k: _plain(v) for k, v in row.items()} for row in rows))

    def pending(self, asked: questions.AskRows) -> questions.Rows:
        """Return a page of assets: what would be deleted from iCloud, and why each other stays."""
        asset = schema.asset.c
        query = select(asset.id).where(asset.id > asked.after).order_by(asset.id).limit(asked.limit)
        with self._store.transaction(self._clock.now()) as transaction:
            ids = list(transaction.connection.execute(query).scalars())
            transaction.load_assets(ids)
            here = self._truth.situations.plain(transaction)
            books = transaction.books
            return questions.Rows(
                rows=tuple(
                    self._pending_row(books.assets[key], books.by_asset.get(key, []), here)
                    for key in ids
                )
            )

    def _pending_row(self, asset: Asset, tasks: list[Task], here: Situation) -> dict[str, Any]:
        if asset.removal in {"deleted", "purged"}:
            verdict, reasons = "deleted", []
        else:
            reasons = self._reasons(asset, tasks, here)
            verdict = "keep" if reasons else "delete"
        return {
            "id": asset.id,
            "asset": asset.icloud_id,
            "filename": asset.filename,
            "removal": asset.removal,
            "verdict": verdict,
            "reasons": reasons,
        }

    def _reasons(self, asset: Asset, tasks: list[Task], here: Situation) -> list[str]:
        broken = [f"{t.stage} failed: {t.reason}" for t in tasks if t.state == "quarantined"]
        if asset.removal == "none":
            return broken + [reason.text for reason in before_album(asset, here, self._policy)]
        facts, rules = asset_facts(asset, moving(tasks), self._policy), self._policy.deletion
        found = (*brakes(facts, here, rules), *standing(facts, here, rules))
        kept = [asset.kept_because] if asset.kept_because else []
        return broken + kept + [reason.text for reason in found if reason.text not in kept]


def _failed_assets(asked: questions.AskRows) -> Any:
    work = schema.work.c
    query = select(work.asset_id).where(work.state == "quarantined", work.asset_id > asked.after)
    return query.distinct().order_by(work.asset_id).limit(asked.limit)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _count(connection: Connection, column: Any) -> dict[str, int]:
    query = select(column, func.count()).group_by(column)
    return {str(key): int(count) for key, count in connection.execute(query)}


def _work(connection: Connection) -> dict[str, dict[str, int]]:
    work = schema.work.c
    found: dict[str, dict[str, int]] = {}
    query = select(work.stage, work.state, func.count()).group_by(work.stage, work.state)
    for stage, state, count in connection.execute(query):
        found.setdefault(stage, {})[state] = int(count)
    return found


def _attention(connection: Connection) -> tuple[dict[str, Any], ...]:
    query = select(schema.attention).where(schema.attention.c.cleared_at.is_(None))
    return tuple(
        {"key": row.key, "text": row.text, "raised_at": row.raised_at.isoformat()}
        for row in connection.execute(query)
    )


def _retrying(connection: Connection) -> tuple[dict[str, Any], ...]:
    work, asset = schema.work.c, schema.asset.c
    query = (
        select(work.stage, asset.filename, work.failures, work.reason, work.due_at)
        .join(schema.asset, asset.id == work.asset_id)
        .where(work.state == "due", work.failures > 0)
        .order_by(work.due_at)
        .limit(10)
    )
    rows = connection.execute(query).mappings()
    return tuple({name: _plain(value) for name, value in row.items()} for row in rows)


def _totals(connection: Connection) -> dict[str, int]:
    def one(query: Any) -> int:
        return int(connection.execute(query).scalar_one())

    return {
        "assets": one(select(func.count()).select_from(schema.asset)),
        **_bytes(connection),
        "deleted": one(
            select(func.count()).where(schema.asset.c.removal.in_(("deleted", "purged")))
        ),
        "quarantined": one(select(func.count()).where(schema.work.c.state == "quarantined")),
        "rejected": one(select(func.count()).select_from(schema.rejected)),
    }


def _bytes(connection: Connection) -> dict[str, int]:
    """Sum up the files in one pass; a rendition's bytes are saved once its original has left, and reclaimable before."""
    media = schema.media.c
    archived = media.compression.in_(("archived", "renewing")) & media.rendition_size.is_not(None)
    left = archived & (media.nas == "released")
    less = media.initial_size - media.rendition_size
    sums = {
        "bytes_in": media.initial_size,
        "bytes_compressed_from": case((archived, media.initial_size)),
        "bytes_compressed_to": case((archived, media.rendition_size)),
        "bytes_reclaimable": case((archived & ~left, less)),
        "bytes_saved": case((left, less)),
    }
    columns = (func.coalesce(func.sum(value), 0).label(name) for name, value in sums.items())
    row = connection.execute(select(func.count().label("files"), *columns)).one()
    return {name: int(value) for name, value in row._mapping.items()}


def _stage_seconds(connection: Connection) -> dict[str, float]:
    work = schema.work.c
    query = select(work.stage, func.coalesce(func.sum(work.seconds), 0.0)).group_by(work.stage)
    return {stage: float(seconds) for stage, seconds in connection.execute(query)}
