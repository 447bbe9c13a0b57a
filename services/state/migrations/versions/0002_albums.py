"""Albums and who is in them; iCloud's whole history is read once more to learn them, and until then nothing is deleted."""

from __future__ import annotations

from alembic import op
from sqlalchemy import delete, update

from services.state.schema import metadata, setting, zone

revision = "0002"
down_revision = "0001"
TABLES = ("album", "membership")


def upgrade() -> None:
    """Create the tables; forget how far iCloud was read, for albums were not recorded."""
    connection = op.get_bind()
    metadata.create_all(connection, tables=[metadata.tables[name] for name in TABLES])
    connection.execute(update(zone).values(token=None, looked_at=None))
    connection.execute(delete(setting).where(setting.c.key == "looked_at"))
