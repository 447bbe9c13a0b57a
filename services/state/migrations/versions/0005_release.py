"""Originals may leave the archive: the moves to the state `released`."""

from __future__ import annotations

from alembic import op

from services.state.triggers import write_moves

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Write the table of legal moves anew."""
    write_moves(op.get_bind())
