"""Opens the books as their one owner, backed up before they are upgraded and checked for damage, and closes them at the end."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.state.account import keep_to
from services.state.backup import backup
from services.state.database import check, open_database
from services.state.owner import owned
from services.state.restoring import kept_aside
from services.state.settings import backup_folder
from services.state.where import database_url
from shared.adapters.clock import SystemClock
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from services.state.account import Account
    from services.state.settings import StateSettings
    from shared.runtime.settings import Common


@contextmanager
def open_books(settings: StateSettings, common: Common, account: Account) -> Iterator[Engine]:
    """Yield the database that the settings name; Fatal with a sentence when it cannot be owned, opened or trusted, or is another account's."""
    url = database_url(settings, common)
    folder, keep = backup_folder(settings, common), settings.backup.keep
    with owned(url) as guard:
        _refuse_half_restored(url)
        engine = open_database(url, lambda old: backup(old, folder, keep, SystemClock().now()))
        guard(engine)
        try:
            check(engine)
            keep_to(engine, account)
            yield engine
        finally:
            engine.dispose()


def _refuse_half_restored(url: str) -> None:
    """Raise Fatal where a restore was cut short between its two renames: new, empty books would forget every photo."""
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite") or path.exists():
        return
    if aside := kept_aside(path):
        raise Fatal(
            f"{path} is missing, and {aside[-1].name} lies beside it: a restore was cut short. "
            "Do it again with `photoduct state restore FILE`."
        )
