"""Books survive a SIGKILL in the middle of a backup, a restore and a move; the next run goes on, or says what to do."""

from __future__ import annotations

import shutil
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import column, create_engine, inspect, select, table

from services.state.account import Account
from services.state.backup import backup, backups, verify
from services.state.database import connect, revision_of
from services.state.opening import open_books
from services.state.owner import owned
from services.state.restoring import kept_aside
from services.state.settings import StateSettings
from services.state.transfer import sums
from shared.domain.errors import Fatal
from shared.runtime.settings import Common
from tests.contracts.books_world import START, World, seen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.contracts.killing import Killer


@pytest.fixture
def world(engine: Engine) -> World:
    made = World(engine)
    made.look(seen("A"), seen("B", "B.JPG"))
    made.work_off(without=("delete",))
    return made


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_a_killed_backup_leaves_whole_ones_alone_and_no_rubbish_for_long(
    world: World, tmp_path: Path, killer: Killer
) -> None:
    folder, url = tmp_path / "backups", url_of(world.engine)
    with world.engine.connect() as connection:
        before = sums(connection)
    for at in count(1):
        now = START + timedelta(seconds=at)
        through = killer.gets_through("backup", url, str(folder), now.isoformat(), at=at)
        for one in backups(folder):
            verify(one)
        if through:
            break
    assert {path.name for path in folder.iterdir()} == {one.name for one in backups(folder)}
    newest = connect(f"sqlite:///{backups(folder)[0]}", read_only=True)
    with newest.connect() as there, world.engine.connect() as here:
        assert sums(there) == sums(here) == before
    newest.dispose()


def test_a_killed_move_leaves_no_books_there_and_the_next_run_ends_it(
    world: World, request: pytest.FixtureRequest, tmp_path: Path, killer: Killer
) -> None:
    here = url_of(world.engine)
    to_file = not here.startswith("sqlite")
    there = (
        f"sqlite:///{tmp_path}/there.db" if to_file else request.getfixturevalue("empty_postgres")
    )
    with world.engine.connect() as connection:
        before = sums(connection)
    for at in count(1):
        through = killer.gets_through("migrate", here, there, at=at)
        assert holds(there, tmp_path) in ({}, before)
        if through:
            break
    assert holds(there, tmp_path) == before
    with world.engine.connect() as connection:
        assert sums(connection) == before
    with owned(here):
        pass


def holds(url: str, tmp_path: Path) -> dict[str, object]:
    """Return the sums of a database's tables, {} for one without rows; it is only looked at."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.exists():
            return {}
        url = f"sqlite:///{copied(path.parent, tmp_path / 'looked at')}/{path.name}"
    engine = create_engine(url)
    try:
        if revision_of(engine) is None:
            return {}
        with engine.connect() as connection:
            found = sums(connection)
    finally:
        engine.dispose()
    return dict(found) if any(one.rows for one in found.values()) else {}


def copied(folder: Path, copy: Path) -> Path:
    """Copy a folder's files and return where: opening SQLite books would bring them in order."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in folder.iterdir():
        if file.is_file():
            shutil.copy(file, copy)
    return copy


def test_a_killed_restore_loses_neither_books_and_no_empty_ones_begin(
    world: World, tmp_path: Path, killer: Killer
) -> None:
    made = backup(world.engine, tmp_path / "backups", 2, START)
    world.look(seen("later", "later.JPG"))
    if not url_of(world.engine).startswith("sqlite"):
        in_postgres(world.engine, made, killer)
        return
    # as after a kill of photoduct: what was written last is in the journal alone
    crashed = copied(tmp_path, tmp_path / "as it was")
    assert (crashed / "media.db-wal").stat().st_size
    for at in count(1):
        folder = copied(crashed, tmp_path / f"killed at {at}")
        arguments = ("restore", str(made), f"sqlite:///{folder}/media.db")
        through = killer.gets_through(*arguments, START.isoformat(), at=at)
        check_opening(Common(data=copied(folder, tmp_path / "looked at")))
        if not through:
            later = START + timedelta(seconds=at)
            assert killer.gets_through(*arguments, later.isoformat(), at=0)
        assert found_in(connect(arguments[-1])) == RESTORED
        first, *_ = kept_aside(folder / "media.db")
        assert found_in(connect(f"sqlite:///{first}")) == FORMER
        if through:
            break


FORMER, RESTORED = ({"A", "B", "later"}, False), ({"A", "B"}, True)


def found_in(engine: Engine, place: str | None = None) -> tuple[set[str], bool]:
    """Return whose photos books hold, and whether deletion is frozen; those of a schema where one is named."""
    assets = table("asset", column("icloud_id"), schema=place)
    setting = table("setting", column("key"), schema=place)
    with engine.connect() as connection:
        keys = set(connection.execute(select(setting.c.key)).scalars())
        return set(connection.execute(select(assets.c.icloud_id)).scalars()), "frozen" in keys


def check_opening(common: Common) -> None:
    """Photoduct either has whole books, or refuses to begin new ones and says what to do."""
    opened = open_books(StateSettings(), common, Account())
    if not (common.data / "media.db").exists():
        with pytest.raises(Fatal, match="photoduct state restore FILE"), opened:
            pass
        return
    with opened as engine:
        assert found_in(engine) in (FORMER, RESTORED)


def in_postgres(engine: Engine, made: Path, killer: Killer) -> None:
    url = url_of(engine)
    for at in count(1):
        now = START + timedelta(seconds=at)
        through = killer.gets_through("restore", str(made), url, now.isoformat(), at=at)
        assert found_in(engine) in (FORMER, RESTORED)
        if through:
            break
    assert found_in(engine) == RESTORED
    aside = next(name for name in inspect(engine).get_schema_names() if name.startswith("before_"))
    assert found_in(engine, aside) == FORMER
