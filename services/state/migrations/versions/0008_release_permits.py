"""Permits by which an original may leave the archive are kept, too: `media_id` names the file; NULL: the asset may leave iCloud."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, inspect

from services.state.schema import BIG

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column where the first revision has not made it already."""
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("permit")}
    if "media_id" not in there:
        op.add_column("permit", Column("media_id", BIG))
