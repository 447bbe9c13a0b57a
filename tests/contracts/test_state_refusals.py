"""Books that are not ours to touch are refused with one sentence, and nothing is written; no sentence holds a password."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, inspect, text
from structlog.testing import capture_logs

from services.state.account import Account
from services.state.backup import backup
from services.state.database import open_database
from services.state.opening import open_books
from services.state.restoring import restore
from services.state.settings import StateSettings
from services.state.tools import main, migrate, rename_account, run
from services.state.transfer import sums
from shared.domain.errors import Fatal
from shared.runtime.settings import CONFIG, Common, load_common, load_section
from tests.contracts.books_world import START, World, seen

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

PASSWORD = "hush-hush"
MINE, YOURS = Account(apple_id="Mine@example.com"), Account(apple_id="yours@example.com")


@pytest.fixture
def world(engine: Engine) -> World:
    made = World(engine)
    made.look(seen("A"))
    return made


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        found = inspect(engine)
        return {*found.get_table_names(), *found.get_schema_names()}
    finally:
        engine.dispose()


@pytest.mark.parametrize("revisions", [False, True], ids=["plain", "with revisions of its own"])
def test_a_database_of_another_program_is_refused_and_left_as_it_is(
    empty_postgres: str, tmp_path: Path, world: World, *, revisions: bool
) -> None:
    execute(empty_postgres, "CREATE TABLE customers (name text)")
    if revisions:
        execute(
            empty_postgres,
            "CREATE TABLE alembic_version (version_num text)",
            "INSERT INTO alembic_version VALUES ('0001')",
        )
    before = tables(empty_postgres)
    made = backup(world.engine, tmp_path / "backups", 2, START)
    settings = StateSettings(database_url=empty_postgres)
    refused = pytest.raises(Fatal, match=r"what is not photoduct's \(customers\)")
    with refused, open_books(settings, Common(data=tmp_path), MINE):
        pass
    with refused:
        migrate(url_of(world.engine), empty_postgres)
    with refused:
        migrate(empty_postgres, f"sqlite:///{tmp_path}/new.db")
    with refused:
        restore(made, empty_postgres, START)
    assert tables(empty_postgres) == before


@pytest.mark.parametrize("place", ["theirs.db", "50% of it.db"])
def test_a_file_of_another_program_is_refused_and_no_byte_of_it_changes(
    tmp_path: Path, place: str
) -> None:
    theirs = tmp_path / place
    url, new = f"sqlite:///{theirs}", f"sqlite:///{tmp_path}/new.db"
    with closing(sqlite3.connect(theirs)) as connection, connection:
        connection.execute("CREATE TABLE customers (name text)")
    before = theirs.read_bytes()
    settings = StateSettings(database_url=url)
    says = rf"database {re.escape(url)} holds what is not photoduct's \(customers\)"
    refused = pytest.raises(Fatal, match=says)
    with refused, open_books(settings, Common(data=tmp_path), MINE):
        pass
    open_database(new).dispose()
    with refused:
        migrate(url, new)
    with refused:
        migrate(new, url)
    with refused:
        rename_account(url, MINE)
    assert theirs.read_bytes() == before, "its journal was switched, say"
    assert {path.name for path in tmp_path.glob(f"{place}*")} == {place, f"{place}.lock"}


MARKS = ("CREATE VIEW theirs AS SELECT 1", "PRAGMA user_version = 7", "PRAGMA application_id = 7")


@pytest.mark.parametrize("mark", MARKS)
def test_a_file_that_another_program_has_only_begun_is_refused(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(mark)
    before = file.read_bytes()
    with pytest.raises(Fatal, match=r"not photoduct's \((theirs|user_version|application_id)\)"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before


KILLED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE customers (name text)")
db.executemany("INSERT INTO customers VALUES (?)", [("x" * 1000,)] * 200)
db.commit()
db.execute("PRAGMA cache_size = 5")
db.execute("UPDATE customers SET name = 'y' || name")
os._exit(0)
"""


def test_a_file_that_another_program_was_killed_over_is_left_for_it_to_roll_back(
    tmp_path: Path,
) -> None:
    file, journal = tmp_path / "theirs.db", tmp_path / "theirs.db-journal"
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=True)
    before = file.read_bytes(), journal.read_bytes()
    with pytest.raises(Fatal, match="customers"):
        open_database(f"sqlite:///{file}")
    assert (file.read_bytes(), journal.read_bytes()) == before


def test_what_is_no_database_is_refused_and_a_file_that_was_cut_short_is_made_anew(
    tmp_path: Path,
) -> None:
    file = tmp_path / "media.db"
    file.write_bytes(b"my holiday" * 1000)
    with pytest.raises(Fatal, match="cannot be opened"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == b"my holiday" * 1000
    file.write_bytes(b"")
    open_database(f"sqlite:///{file}").dispose()


def test_a_restore_takes_no_table_of_another_program_along(world: World, tmp_path: Path) -> None:
    url = url_of(world.engine)
    made = backup(world.engine, tmp_path / "backups", 2, START)
    execute(url, "CREATE TABLE customers (name text)")
    if url.startswith("sqlite"):
        restore(made, url, START)  # into a file of its own
        return
    before = tables(url)
    with pytest.raises(Fatal, match="customers"):
        restore(made, url, START)
    assert tables(url) == before
    with open_books(StateSettings(database_url=url), Common(data=tmp_path), MINE):
        pass  # work goes on beside them


def test_books_of_another_apple_account_are_refused_until_it_is_said_to_be_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, common = url_of(world.engine), Common(data=tmp_path)
    settings = StateSettings(database_url=url)
    with open_books(settings, common, MINE):
        pass
    with world.engine.connect() as connection:
        before = sums(connection)
    mine = backup(world.engine, tmp_path / "backups", 2, START)
    with pytest.raises(Fatal, match=r"mine@example\.com"), open_books(settings, common, YOURS):
        pass
    config = tmp_path / "config.yaml"
    monkeypatch.setenv(CONFIG, str(config))
    config.write_text(
        f"data: {tmp_path}\nicloud: {{apple_id: {YOURS.apple_id}}}\nstate: {{database_url: '{url}'}}\n"
    )
    with pytest.raises(Fatal, match=r"This backup .* mine@example\.com"):
        run(["restore", str(mine)])
    with world.engine.connect() as connection:
        assert sums(connection) == before
    with open_books(settings, common, Account(apple_id=" mine@EXAMPLE.com")):
        pass
    assert YOURS.apple_id in run(["rename-account"])[0]
    with open_books(settings, common, YOURS):
        pass


BAD = {
    "no such database": "{server}/nowhere",
    "no port": f"postgresql+psycopg://photoduct:{PASSWORD}@127.0.0.1:port/photoduct",
    "another kind": f"mysql://photoduct:{PASSWORD}@127.0.0.1/photoduct",
    "no address": f"photoduct:{PASSWORD}@127.0.0.1",
}


@pytest.mark.parametrize("how", BAD)
def test_no_refusal_tells_the_password_of_the_database(
    how: str,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = postgres_url.replace("postgres@", f"postgres:{PASSWORD}@")
    config = tmp_path / "config.yaml"
    monkeypatch.setenv(CONFIG, str(config))
    config.write_text(
        f"data: {tmp_path}\n"
        f"state: {{database_url: '{BAD[how].format(server=server)}', database_password: {PASSWORD}}}\n"
    )
    monkeypatch.setattr(sys, "argv", ["tools", "migrate", "sqlite"])
    assert main() in {2, 3}
    said = capsys.readouterr()
    with (
        pytest.raises(Fatal) as refused,
        open_books(load_section("state", StateSettings), load_common(), MINE),
    ):
        pass
    for words in (said.err, str(refused.value)):
        assert len(words.splitlines()) == 1, words
        assert PASSWORD not in words
    assert not said.out


def test_a_database_that_does_not_answer_is_waited_for_and_no_sentence_tells_its_password(
    tmp_path: Path,
) -> None:
    url = f"postgresql+psycopg://photoduct:{PASSWORD}@127.0.0.1:1/photoduct"
    settings = StateSettings(database_url=url)
    pauses = []

    def wait(reason: str, seconds: float) -> None:
        assert "refused" in reason
        pauses.append(seconds)
        if len(pauses) == 10:
            raise TimeoutError

    with (
        capture_logs() as said,
        pytest.raises(TimeoutError),
        open_books(settings, Common(data=tmp_path), MINE, wait),
    ):
        pass
    assert len(said) == 10
    assert all("refused" in one["reason"] and PASSWORD not in str(one) for one in said)
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] == 30
    with pytest.raises(Fatal, match="cannot be reached"):
        migrate(url, f"sqlite:///{tmp_path}/new.db")
