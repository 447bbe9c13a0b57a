"""How alike a rendition looks, as a number of its own; of renditions from before it stays unknown, their note says it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, inspect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, where the first revision has not made it already: that makes today's tables."""
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("media")}
    if "score" not in there:
        op.add_column("media", Column("score", Float))
