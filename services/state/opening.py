"""Opens the books as their one owner, backed up before they are upgraded and checked for damage, and closes them at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.state.backup import backup
from services.state.database import check, open_database
from services.state.owner import owned
from services.state.settings import backup_folder, database_url
from shared.adapters.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from services.state.settings import StateSettings
    from shared.runtime.settings import Common


@contextmanager
def open_books(settings: StateSettings, common: Common) -> Iterator[Engine]:
    """Yield the database that the settings name; Fatal with a sentence when it cannot be owned, opened or trusted."""
    url = database_url(settings, common)
    folder, keep = backup_folder(settings, common), settings.backup.keep
    with owned(url):
        engine = open_database(url, lambda old: backup(old, folder, keep, SystemClock().now()))
        try:
            check(engine)
            yield engine
        finally:
            engine.dispose()
