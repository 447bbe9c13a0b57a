"""The first schema: every table, and the triggers that refuse illegal moves."""

from __future__ import annotations

from alembic import op

from services.state.schema import metadata
from services.state.triggers import create_triggers, write_moves

revision = "0001"
down_revision = None
TABLES = (
    "asset", "media", "work", "inbox", "rejected", "history", "evidence", "permit", "zone", "attention", "setting",
    "legal_move",
)  # fmt: skip


def upgrade() -> None:
    """Create everything."""
    connection = op.get_bind()
    metadata.create_all(connection, tables=[metadata.tables[name] for name in TABLES])
    write_moves(connection)
    create_triggers(connection)
