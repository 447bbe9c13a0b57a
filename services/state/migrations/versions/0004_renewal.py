"""Renewal of renditions: when a photo grows out of its tier, and the rendition that is to take the present one's place."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, inspect

from services.state.schema import Instant
from services.state.triggers import write_moves

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns where the first revision has not made them already, and the moves of the state `renewing`."""
    connection = op.get_bind()
    there = {column["name"] for column in inspect(connection).get_columns("media")}
    for column in (Column("renew_at", Instant), Column("candidate", Text)):
        if column.name not in there:
            op.add_column("media", column)
    write_moves(connection)
