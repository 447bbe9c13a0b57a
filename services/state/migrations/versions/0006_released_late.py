"""An original may be found gone after its evidence was voided: the moves to the state `released` from there, too."""

from __future__ import annotations

from alembic import op

from services.state.triggers import write_moves

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Write the table of legal moves anew."""
    write_moves(op.get_bind())
