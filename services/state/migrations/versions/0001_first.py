"""The first schema: every table, and the triggers that refuse illegal moves."""

from __future__ import annotations

from alembic import op

from services.state.schema import metadata
from services.state.triggers import create_triggers, write_moves

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    connection = op.get_bind()
    metadata.create_all(connection)
    write_moves(connection)
    create_triggers(connection)
