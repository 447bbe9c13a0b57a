"""Opens the database, SQLite or Postgres, in the one durable way; it never repairs or replaces a file it cannot read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from services.state import schema
from services.state.postgres import line_to
from shared.domain.errors import Fatal, PhotoductError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"
_REVISIONS = "alembic_version"
_BOOKS = {"asset", "media", "work", "setting"}
"""Tables that books of every version have."""
_MARKS = ("user_version", "application_id")
"""What programs write into their SQLite file, also before its first table; photoduct does not."""
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


_SCRIPTS = ScriptDirectory.from_config(_config())
HEAD = _SCRIPTS.get_current_head()


def open_database(
    url: str,
    before_upgrade: Callable[[Engine], object] | None = None,
    guard: Callable[[Engine], object] | None = None,
) -> Engine:
    """Open and upgrade the database at a SQLAlchemy URL; raises Fatal with a sentence when it cannot.

    `before_upgrade` is called where older books are about to be upgraded; when it fails, they are left as they are.
    `guard` is the owner's: it sees each transaction, those of the upgrade too.
    """
    try:
        engine = connect(url)
    except SQLAlchemyError as error:
        raise _unusable(error) from error
    if guard is not None:
        guard(engine)
    try:
        refuse_foreign(engine)
        found = revision_of(engine)
        known_revision(found)
        if before_upgrade is not None and found not in {None, HEAD}:
            before_upgrade(engine)
        upgrade(engine)
    except PhotoductError:
        engine.dispose()
        raise
    except Exception as error:
        engine.dispose()
        raise _unusable(error) from error
    return engine


def _unusable(error: Exception) -> Fatal:
    return Fatal(f"The state database cannot be opened: {error}")


def connect(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine. It switches the journal of a SQLite file: Fatal for another program's, which is left as it is."""
    if not url.startswith("sqlite"):
        return _postgres(url)
    path = Path(url.removeprefix("sqlite:///"))
    if read_only:
        return _reading(path)
    if path.is_file() and path.stat().st_size:
        _refuse_foreign_file(url, path)
    return _sqlite(url, path)


def _refuse_foreign_file(url: str, path: Path) -> None:
    """Look without a change; where a program was killed in the middle of a change, first past what a reader has to roll back."""
    half_written = path.with_name(f"{path.name}-journal").exists()
    looks = [_reading(path, immutable=1), create_engine(url)] if half_written else [_reading(path)]
    for looking in looks:
        try:
            refuse_foreign(looking, called=url)
        finally:
            looking.dispose()


def _reading(path: Path, **more: int) -> Engine:
    options = urlencode({"mode": "ro", **more, "uri": "true"})
    return create_engine(f"sqlite:///file:{quote(str(path))}?{options}")


def revision_of(engine: Engine) -> str | None:
    """Return the revision of the schema, None for an empty database."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def refuse_foreign(engine: Engine, *, beside: bool = True, called: str | None = None) -> None:
    """Raise Fatal for a database that holds what is another program's and no books; without `beside`, for both together, too."""
    names = _held(engine) - {_REVISIONS}
    strange = sorted(names - schema.metadata.tables.keys())
    books = names >= _BOOKS and revision_of(engine) is not None
    if names and not (books and (beside or not strange)):
        shown = ", ".join((strange or sorted(names))[:3])
        where = called or engine.url.render_as_string(hide_password=True)
        raise Fatal(
            f"The database {where} holds what is not photoduct's ({shown}): name an empty one. "
            "Nothing was changed."
        )


def _held(engine: Engine) -> set[str]:
    """Return the names of what lies there; of a Postgres its tables alone, as an empty one may come with a host's own views."""
    look = inspect(engine)
    tables = set(look.get_table_names())
    if engine.dialect.name != "sqlite":
        return tables
    with engine.connect() as connection:
        marks = {
            name for name in _MARKS if connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        }
    return tables | set(look.get_view_names()) | marks


def known_revision(revision: str | None) -> None:
    """Raise Fatal for a revision that this photoduct does not know."""
    if revision not in {None, *(one.revision for one in _SCRIPTS.walk_revisions())}:
        raise Fatal(
            f"The books were written by a newer photoduct (revision {revision}); "
            "update photoduct. Nothing was changed."
        )


def _sqlite(url: str, path: Path) -> Engine:
    if not path.parent.is_dir():
        raise Fatal(f"The folder of the state database does not exist: {path.parent}")
    if (kind := file_system_of(path.parent)) in NETWORK_FILE_SYSTEMS:
        raise Fatal(
            f"{path.parent} lies on {kind}: SQLite needs a local disk (or set state.database_url to Postgres)"
        )
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's events below say BEGIN, not the driver
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    return line_to(url, pool_size=2, max_overflow=0, pool_pre_ping=True)


def file_system_of(path: Path) -> str:
    """Return the type of the file system that holds a path, or '' when it is not to be learnt."""
    best, kind = "", ""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    resolved = str(path.resolve())
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split()[4]
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, right.split()[0]
    return kind


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest version, in one transaction."""
    with engine.begin() as connection:
        upgrade_on(connection)


def upgrade_on(connection: Connection, to: str = "head") -> None:
    """Bring the schema to a version within the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def check(engine: Engine) -> None:
    """Raise Fatal when SQLite finds its file damaged."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        answer = connection.execute(text("PRAGMA quick_check")).scalar_one()
    if answer != "ok":
        raise Fatal(f"The state database is damaged: {answer}")
