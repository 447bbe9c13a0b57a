"""Opens the books as their one owner, backed up before they are upgraded and checked for damage, and closes them at the end."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from services.state.account import keep_to
from services.state.backup import backup
from services.state.database import check, open_database
from services.state.owner import Unreachable, owned
from services.state.restoring import kept_aside
from services.state.settings import backup_folder
from services.state.where import database_url
from shared.adapters.clock import SystemClock
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Engine

    from services.state.account import Account
    from services.state.settings import StateSettings
    from shared.runtime.settings import Common


log = structlog.get_logger()
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


@contextmanager
def open_books(
    settings: StateSettings,
    common: Common,
    account: Account,
    wait: Callable[[str, float], object] = lambda _, seconds: time.sleep(seconds),
) -> Iterator[Engine]:
    """Yield the database that the settings name; Fatal with a sentence when it cannot be owned, opened or trusted, or is another account's.

    A server that does not answer is waited for: `wait` is told the reason, and after how many seconds to return;
    what it raises ends the wait. OwnerLost when the server goes while the books are open.
    """
    url = database_url(settings, common)
    folder, keep = backup_folder(settings, common), settings.backup.keep
    with ExitStack() as held:
        guard = _own(held, url, wait)
        _refuse_half_restored(url)
        engine = open_database(
            url, lambda old: backup(old, folder, keep, SystemClock().now()), guard
        )
        try:
            check(engine)
            keep_to(engine, account)
            yield engine
        finally:
            engine.dispose()


def _own(
    held: ExitStack, url: str, wait: Callable[[str, float], object]
) -> Callable[[Engine], None]:
    """Be the owner until `held` ends, however long the database is away."""
    seconds = _FIRST_PAUSE_S
    while True:
        try:
            return held.enter_context(owned(url))
        except Unreachable as error:
            reason = str(error)
        log.warning("The books are waited for.", reason=reason, again_in_seconds=seconds)
        wait(reason, seconds)
        seconds = min(2 * seconds, _LONGEST_PAUSE_S)


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
