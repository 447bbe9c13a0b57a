"""`python -m services.state.tools migrate URL|sqlite`, `restore FILE` or `rename-account`: what is done to books that nobody runs; for `photoduct state`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from services.state.account import Account, check_backup, rename
from services.state.database import (
    HEAD,
    check,
    connect,
    known_revision,
    open_database,
    refuse_foreign,
    revision_of,
)
from services.state.owner import owned
from services.state.restoring import restore
from services.state.settings import StateSettings, checked_url
from services.state.transfer import copy
from services.state.where import database_url
from shared.adapters.clock import SystemClock
from shared.domain.errors import Fatal, PhotoductError
from shared.runtime.settings import SettingsError, load_common, load_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

REFUSED: Final = 3
SQLITE: Final = "sqlite:///"


def migrate(source: str, target: str, called: str | None = None) -> list[str]:
    """Copy the books at one URL into the empty database at another, which the person `called` so; returns what to tell them."""
    if make_url(source) == make_url(target):
        raise Fatal("The books are there already; nothing was changed.")
    _refuse_missing(source)
    with owned(source, patience=0) as former, owned(target, patience=0) as guard:
        books = connect(source)
        former(books)
        try:
            _refuse_others(books)
            check(books)
            made = open_database(target, guard=guard)
            try:
                with books.connect() as reading, made.begin() as writing:
                    found = copy(reading, writing, _tell)
            finally:
                made.dispose()
        finally:
            books.dispose()
    rows = [f"{name}: {one.rows} rows, {one.digest[:16]}" for name, one in found.items()]
    shown = make_url(called or target).render_as_string(hide_password=True)
    wanted = "null" if target.startswith("sqlite") else shown
    return [
        *rows,
        "Counts and hashes of all tables are equal on both sides; the former books are as they were.",
        f"Now set state.database_url to {wanted} and start photoduct.",
    ]


def _refuse_missing(url: str) -> None:
    """Raise Fatal where there are no SQLite books: looking for them would make some, empty."""
    path = Path(url.removeprefix(SQLITE))
    if url.startswith(SQLITE) and not path.exists():
        raise Fatal(f"There are no books at {path}; nothing was changed.")


def _refuse_others(books: Engine) -> None:
    """Raise Fatal for a database that holds no books of this very photoduct."""
    refuse_foreign(books)
    known_revision(found := revision_of(books))
    if found != HEAD:
        raise Fatal("The books are of an older photoduct: start this one once, then stop it.")


def rename_account(url: str, account: Account) -> list[str]:
    """Let the books at a URL belong to the account that the settings name from now on."""
    if not account.apple_id.strip():
        raise Fatal("icloud.apple_id is missing; nothing was changed.")
    _refuse_missing(url)
    with owned(url, patience=0) as guard:
        engine = connect(url)
        guard(engine)
        try:
            _refuse_others(engine)
            rename(engine, account)
        finally:
            engine.dispose()
    return [f"The books are of the Apple Account {account.apple_id} from now on."]


def _with_url(settings: StateSettings, url: str) -> StateSettings:
    try:
        return settings.model_copy(update={"database_url": checked_url(url)})
    except ValueError as error:
        raise Fatal(f"--to: {error}") from error


def _tell(table: str, rows: int) -> None:
    sys.stderr.write(f"{table}: {rows} rows copied\n")


def run(arguments: Sequence[str]) -> list[str]:
    """Do what the arguments say; raises PhotoductError."""
    common, settings = load_common(), load_section("state", StateSettings)
    here, account = database_url(settings, common), load_section("icloud", Account)
    match arguments:
        case ["migrate", "sqlite"]:
            return migrate(here, f"sqlite:///{common.data}/media.db")
        case ["migrate", to]:
            return migrate(here, database_url(_with_url(settings, to), common), called=to)
        case ["restore", file]:
            check_backup(Path(file), account)
            with owned(here, patience=0) as guard:
                aside = restore(Path(file), here, SystemClock().now(), common.data, guard)
            former = f"The former ones are kept as {aside}." if aside else "There were none before."
            return [
                f"The books are those of {file}. {former}",
                "Deletion is frozen until you have looked and say `photoduct unfreeze`; every copy is verified anew.",
            ]
        case ["rename-account"]:
            return rename_account(here, account)
        case _:
            raise Fatal(
                "expected `migrate URL`, `migrate sqlite`, `restore FILE` or `rename-account`"
            )


def main() -> int:
    """Return 0, or 2 or 3 with one sentence."""
    try:
        lines = run(sys.argv[1:])
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 2
    except PhotoductError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except SQLAlchemyError as error:
        sys.stderr.write(f"The database failed: {type(error).__name__}; nothing was kept of it.\n")
        return REFUSED
    except OSError as error:
        sys.stderr.write(f"{error.filename} cannot be used: {error.strerror}.\n")
        return REFUSED
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
