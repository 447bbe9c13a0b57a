"""The tables of the state service; nothing outside this service may open the database.

`media` keeps every column of the original specification under its name and meaning; the columns after
`last_updated` are photoduct's own. Instants are ISO 8601 text in UTC (`created_date` in the asset's own zone).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """A moment as text of fixed width in UTC, so that text order is time order on every database."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Turn an aware datetime into text."""
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Turn text into an aware datetime."""
        return None if value is None else datetime.fromisoformat(value)


BIG = BigInteger().with_variant(Integer, "sqlite")

asset = Table(
    "asset",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("icloud_id", Text, nullable=False, unique=True),
    Column("zone", Text, nullable=False),
    Column("change_tag", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("created_date", Text, nullable=False),
    Column("stem_key", Text, nullable=False, unique=True),
    Column("stem", Text, nullable=False),
    Column("favorite", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("problem", Text),
    Column("removal", Text, nullable=False),
    Column("pending_since", Instant),
    Column("deleted_at", Instant),
    Column("approved", Boolean, nullable=False),
    Column("was_pending", Boolean, nullable=False),
    Column("hold_until", Instant),
    Column("kept_because", Text),
    Column("permit", Text),
    Column("wake_at", Instant, index=True),
)

media = Table(
    "media",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("filename", Text, nullable=False),
    Column("icloud_id", Text, nullable=False),
    Column("created_date", Text, nullable=False),
    Column("local_path", Text),
    Column("status", Text, nullable=False, index=True),
    Column("synced_google", Text),
    Column("synced_nas", Text),
    Column("album_moved", Integer, nullable=False),
    Column("deleted_icloud", Text),
    Column("initial_size", BIG),
    Column("current_size", BIG),
    Column("last_compressed", Instant),
    Column("last_updated", Instant, nullable=False),
    Column("asset_id", BIG, ForeignKey("asset.id"), nullable=False, index=True),
    Column("resource", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("listed_size", BIG, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("path_key", Text, nullable=False, unique=True),
    Column("current", Boolean, nullable=False),
    Column("sha256", Text, index=True),
    Column("local", Text, nullable=False),
    Column("google", Text, nullable=False, index=True),
    Column("google_since", Instant),
    Column("google_objection", Text),
    Column("staged_path", Text),
    Column("staged_mtime_ns", BIG),
    Column("nas", Text, nullable=False),
    Column("nas_path", Text),
    Column("nas_verified_at", Instant),
    Column("nas_archive", Text),
    Column("nas_file_system", Text),
    Column("nas_grade", Text),
    Column("compression", Text, nullable=False),
    Column("compression_note", Text),
    Column("readable", Boolean),
    Column("tier", Text),
    Column("rendition_path", Text),
    Column("rendition_sha256", Text),
    Column("rendition_size", BIG),
    Column("score", Float),
    Column("renew_at", Instant),
    Column("candidate", Text),
    UniqueConstraint("asset_id", "resource", "checksum"),
)

work = Table(
    "work",
    metadata,
    Column("stage", Text, primary_key=True),
    Column("key", BIG, primary_key=True, autoincrement=False),
    Column("asset_id", BIG, ForeignKey("asset.id"), nullable=False, index=True),
    Column("lane", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("rings", Integer, nullable=False),
    Column("reason", Text),
    Column("due_at", Instant),
    Column("published_seq", BIG),
    Column("published_at", Instant),
    Column("seconds", Float),
    Index("work_by_state", "state", "due_at"),
)
"""The outbox and the to-do list in one: a row is written in the transaction of the report that causes it."""

inbox = Table(
    "inbox",
    metadata,
    Column("report_id", Text, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)

rejected = Table(
    "rejected",
    metadata,
    Column("report_id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("asset_id", BIG, nullable=False, index=True),
    Column("media_id", BIG),
    Column("machine", Text, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("report_id", Text, nullable=False),
    Column("note", Text),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("media_id", BIG, nullable=False, index=True),
    Column("copy", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("sha256", Text),
    Column("path", Text),
    Column("archive", Text),
    Column("file_system", Text),
    Column("report_id", Text, nullable=False),
)

permit = Table(
    "permit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asset_id", BIG, ForeignKey("asset.id"), nullable=False, index=True),
    Column("issued_at", Instant, nullable=False, index=True),
    Column("deadline", Instant, nullable=False),
    Column("change_tag", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("closed_at", Instant),
    Column("media_id", BIG),
)
"""Permits to delete an asset from iCloud; with a `media_id`: to let that file's original leave the archive."""

zone = Table(
    "zone",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text),
    Column("looked_at", Instant),
)

album = Table(
    "album",
    metadata,
    Column("id", Text, primary_key=True),
    Column("zone", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("deleted", Boolean, nullable=False),
    Column("pass_number", Integer, nullable=False),
)
"""The person's albums, and folders of albums, in iCloud."""

membership = Table(
    "membership",
    metadata,
    Column("album", Text, primary_key=True),
    Column("asset", Text, primary_key=True, index=True),
    Column("zone", Text, nullable=False),
    Column("pass_number", Integer, nullable=False),
)
"""Which asset is in which album, both by iCloud's ids: iCloud may name either before it shows it."""

attention = Table(
    "attention",
    metadata,
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("cleared_at", Instant),
)

setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text),
)
"""Facts about the whole library: `frozen`, `archive`, `file_system`, `gone_lately`, `pass <zone>`, `policy`, ..."""

legal_move = Table(
    "legal_move",
    metadata,
    Column("machine", Text, primary_key=True),
    Column("old", Text, primary_key=True),
    Column("new", Text, primary_key=True),
)
"""The table of `shared.domain.states`, for the triggers that refuse any other move."""
