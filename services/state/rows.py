"""The rows of the books as SQL: which columns are which fields, and the statements that read and write them; it runs none."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from services.state import schema
from services.state.policy.facts import Album, Asset, Media, Move, Proof, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

ALBUM_FIELDS = tuple(f.name for f in fields(Album))
ASSET_FIELDS = tuple(f.name for f in fields(Asset) if f.name not in {"media", "albums"})
MEDIA_FIELDS = tuple(f.name for f in fields(Media))
TASK_FIELDS = tuple(f.name for f in fields(Task))
MOVE_FIELDS = tuple(f.name for f in fields(Move))
PROOF_FIELDS = tuple(f.name for f in fields(Proof))
ASSET_TUPLE, MEDIA_TUPLE, TASK_TUPLE = (
    attrgetter(*names) for names in (ASSET_FIELDS, MEDIA_FIELDS, TASK_FIELDS)
)
SELECT_ASSETS = select(*(schema.asset.c[name] for name in ASSET_FIELDS))
SELECT_MEDIA = select(*(schema.media.c[name] for name in MEDIA_FIELDS))
SELECT_ALBUMS = select(*(schema.album.c[name] for name in ALBUM_FIELDS))
SELECT_TASKS = select(*(schema.work.c[name] for name in TASK_FIELDS))
UPDATE_ASSET = (
    update(schema.asset)
    .where(schema.asset.c.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in ASSET_FIELDS if name != "id"})
)
DERIVED = (
    "local_path", "status", "synced_google", "synced_nas", "album_moved", "deleted_icloud",
    "current_size", "last_updated",
)  # fmt: skip
UPDATE_MEDIA = (
    update(schema.media)
    .where(schema.media.c.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in (*MEDIA_FIELDS, *DERIVED) if name != "id"})
)
UPDATE_TASK = (
    update(schema.work)
    .where(schema.work.c.stage == bindparam("row_stage"), schema.work.c.key == bindparam("row_key"))
    .values({name: bindparam(name) for name in TASK_FIELDS if name not in {"stage", "key"}})
)
MARK_OUT = (
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


def chunks(values: list[Any]) -> Iterator[list[Any]]:
    """Yield the values in parts that fit into one IN list."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
