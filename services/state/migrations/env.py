"""Alembic's entry: runs migrations on the connection that the state service hands over."""

from __future__ import annotations

from alembic import context

from services.state.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
