"""A photo whose original was released may come back to iCloud: the move from `released` to `none`, as it is archived anew."""

from __future__ import annotations

from alembic import op

from services.state.triggers import write_moves

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Write the table of legal moves anew, and look at every photo that came back already."""
    write_moves(op.get_bind())
    op.execute(
        "UPDATE asset SET wake_at = '0001-01-01T00:00:00.000000+00:00' WHERE removal = 'restored'"
    )
