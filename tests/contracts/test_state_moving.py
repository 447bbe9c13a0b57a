"""The books move between databases, are backed up and restored; the same on SQLite and on a real Postgres."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from prometheus_client import CollectorRegistry
from sqlalchemy import column, create_engine, delete, event, insert, select, table, text, update
from sqlalchemy.exc import DBAPIError

from services.state import schema
from services.state.account import Account
from services.state.backup import backup, backups, verify
from services.state.backup_rhythm import Backups
from services.state.database import connect, open_database, revision_of, upgrade_on
from services.state.monitoring import BackupAge
from services.state.opening import open_books
from services.state.owner import OwnerLost, owned
from services.state.restoring import restore
from services.state.settings import BackupSettings, StateSettings
from services.state.tools import migrate, run
from services.state.transfer import copy, sums
from shared.domain.errors import Fatal
from shared.runtime.settings import CONFIG, Common
from tests.contracts.books_world import START, World, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def world(engine: Engine) -> World:
    made = World(engine)
    made.look(seen("A"), seen("Ü \N{SNOWMAN}", "\N{SNOWMAN}.JPG"))
    made.work_off(without=("delete",))
    return made


def test_a_round_trip_keeps_every_row_and_new_ones_find_their_number(
    world: World, tmp_path: Path
) -> None:
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    with world.engine.connect() as source, other.begin() as target:
        there = copy(source, target)
    with world.engine.begin() as back:
        for one in reversed(schema.metadata.sorted_tables):
            if one.name != "legal_move":
                back.execute(delete(one))
        with other.connect() as source:
            assert copy(source, back) == there
    assert there["media"].rows == 4
    world.look(seen("C", "C.JPG"))
    world.work_off(without=("delete",))
    with world.engine.begin() as connection, pytest.raises(DBAPIError, match="illegal move"):
        connection.execute(update(schema.media).values(nas="none"))
    other.dispose()


def test_a_copy_into_books_that_hold_something_is_refused(world: World, tmp_path: Path) -> None:
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    with other.connect() as empty, world.engine.connect() as full, pytest.raises(Fatal) as refused:
        copy(empty, full)
    assert "other books" in str(refused.value)
    other.dispose()


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
INTS = st.integers(-(2**63), 2**63 - 1)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(INTS, TEXTS, st.datetimes(), INTS), unique_by=lambda row: row[0]))
def test_any_rows_have_equal_sums_on_both_sides(
    engine: Engine, rows: list[tuple[int, str, object, int]]
) -> None:
    values = [
        {"id": key, "at": at.isoformat(), "asset_id": big, "machine": words, "old": "", "new": "", "report_id": words}  # type: ignore[attr-defined]
        for key, words, at, big in rows
    ]  # fmt: skip
    other = open_database("sqlite:///:memory:")
    history = text(
        "INSERT INTO history (id, at, asset_id, machine, old, new, report_id) "
        "VALUES (:id, :at, :asset_id, :machine, :old, :new, :report_id)"
    )
    with engine.connect() as target:
        if values:
            target.execute(history, values)
        with other.begin() as copied:
            assert copy(target, copied) == sums(target)
        target.rollback()
    other.dispose()


def test_a_backup_is_a_checked_private_file_and_the_oldest_go(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    made = []
    for _ in range(4):
        made.append(backup(world.engine, folder, 2, world.clock.now()))
        world.clock.time = world.clock.time.replace(day=world.clock.time.day + 1)
    assert backups(folder) == [made[3], made[2]]
    assert {path.name for path in folder.iterdir()} == {made[3].name, made[2].name}
    assert made[3].stat().st_mode & 0o777 == 0o600
    opened = connect(f"sqlite:///{made[3]}", read_only=True)
    with opened.connect() as there, world.engine.connect() as here:
        assert sums(there) == sums(here)
    opened.dispose()


def test_restored_books_delete_nothing_and_prove_every_copy_anew(
    world: World, tmp_path: Path
) -> None:
    made = backup(world.engine, tmp_path / "backups", 2, world.clock.now())
    world.look(seen("later", "later.JPG"))
    url = url_of(world.engine)
    world.engine.dispose()
    aside = restore(made, url, START)
    assert aside is not None
    again = open_database(url)
    with again.connect() as connection:
        states = set(connection.execute(select(schema.media.c.nas)).scalars())
        frozen = select(schema.setting.c.value).where(schema.setting.c.key == "frozen")
        assert "verified" not in states
        assert "void" in states
        assert "restored" in (connection.execute(frozen).scalar_one() or "")
        assert set(connection.execute(select(schema.zone.c.token)).scalars()) == {None}
        assert connection.execute(select(schema.work.c.attempt)).scalars().all()[0] > 1_000
        names = set(connection.execute(select(schema.asset.c.icloud_id)).scalars())
    assert "later" not in names
    if "sqlite" in url:
        former = connect(f"sqlite:///{aside}")
        query = select(schema.asset.c.icloud_id)
        with former.connect() as connection:
            assert "later" in set(connection.execute(query).scalars())
        former.dispose()
    else:
        with again.connect() as connection:
            former_assets = table("asset", column("icloud_id"), schema=aside.split()[-1])
            found = connection.execute(select(former_assets.c.icloud_id)).scalars()
            assert "later" in set(found)
    after = World(again)
    after.wake()
    after.work_off(without=("delete",))
    with again.connect() as connection:
        assert set(connection.execute(select(schema.media.c.nas)).scalars()) == {"verified"}
    assert not after.deleted
    again.dispose()


def test_what_is_no_backup_or_a_broken_one_is_refused_and_nothing_changes(
    world: World, tmp_path: Path
) -> None:
    made = backup(world.engine, tmp_path / "backups", 2, world.clock.now())
    whole = made.read_bytes()
    broken = tmp_path / "broken.db"
    broken.write_bytes(whole[: len(whole) // 2])
    with world.engine.connect() as connection:
        before = sums(connection)
    for path in (broken, tmp_path / "none.db"):
        with pytest.raises(Fatal):
            restore(path, url_of(world.engine), START)
    with world.engine.connect() as connection:
        assert sums(connection) == before


def test_books_have_one_owner(engine: Engine) -> None:
    url = url_of(engine)
    with owned(url), pytest.raises(Fatal, match="in use"), owned(url, patience=0.1):
        pass
    with owned(url):
        pass


def test_an_owner_whose_lock_is_lost_writes_and_reads_nothing_more(
    empty_postgres: str, tmp_path: Path
) -> None:
    settings, common = StateSettings(database_url=empty_postgres), Common(data=tmp_path)
    with open_books(settings, common, Account()) as engine:
        world = World(engine)
        world.look(seen("A"))
        forget_locks(empty_postgres)
        with owned(empty_postgres):
            for _ in range(2):
                with pytest.raises(OwnerLost, match="another"):
                    world.look(seen("B", "B.JPG"))
                with pytest.raises(OwnerLost), engine.connect() as connection:
                    connection.execute(select(schema.asset))
    with open_books(settings, common, Account()) as engine, engine.connect() as connection:
        assert connection.execute(select(schema.asset.c.icloud_id)).scalars().all() == ["A"]
        assert connection.execute(select(schema.rejected)).all() == []


def test_a_new_owner_waits_for_the_transaction_in_which_the_former_one_lost_its_lock(
    empty_postgres: str, tmp_path: Path
) -> None:
    settings, common = StateSettings(database_url=empty_postgres), Common(data=tmp_path)
    in_use = pytest.raises(Fatal, match="in use")
    with open_books(settings, common, Account()) as engine:
        with engine.begin() as writing:
            forget_locks(empty_postgres)
            with in_use, owned(empty_postgres, patience=0.2):
                pass
            writing.execute(insert(schema.setting).values(key="last", value="in time"))
        with owned(empty_postgres), pytest.raises(OwnerLost), engine.begin():
            pass
    with open_books(settings, common, Account()) as engine, engine.connect() as connection:
        query = select(schema.setting.c.value).where(schema.setting.c.key == "last")
        assert connection.execute(query).scalar_one() == "in time"
        kept_alive = text("SHOW tcp_keepalives_idle")
        assert connection.execute(kept_alive).scalar_one() == "10", "else 7200 by the server"


def test_what_moves_and_restores_books_is_waited_for_too(
    tmp_path: Path, empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = open_database(f"sqlite:///{tmp_path}/media.db")
    World(books).look(seen("A"))
    made = backup(books, tmp_path / "backups", 2, START)
    looks = []

    def look(*_: object) -> None:
        with pytest.raises(Fatal, match="in use"), owned(empty_postgres, patience=0.2):
            pass
        looks.append(_)

    def lose(*_: object) -> None:
        if not looks:
            forget_locks(empty_postgres)
        look()

    monkeypatch.setattr("services.state.tools._tell", lose)
    migrate(url_of(books), empty_postgres)
    assert looks
    looks.clear()
    with owned(empty_postgres) as guard:

        def check(engine: Engine) -> None:
            guard(engine)
            event.listen(engine, "commit", lose)

        restore(made, empty_postgres, START, guard=check)
    assert looks
    books.dispose()


def forget_locks(url: str) -> None:
    """Do to the connection that holds the lock what a restart of the server, or a cut line that it noticed, does; to no other."""
    lost = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
    here = " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    admin = create_engine(url)
    with admin.connect() as connection:
        assert connection.execute(text(lost + here)).scalars().all() == [True]
    admin.dispose()


def test_books_of_a_newer_photoduct_are_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Fatal, match="newer photoduct"):
        open_database(url_of(engine))
    assert revision_of(engine) == "9999"


def test_older_books_are_backed_up_before_they_are_upgraded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/media.db"
    old = connect(url)
    with old.begin() as connection:
        upgrade_on(connection, "0001")
        connection.execute(
            insert(schema.zone).values(name="PrimarySync", token="kept", looked_at=None)
        )
    old.dispose()
    new = open_database(url, lambda one: backup(one, tmp_path / "backups", 2, START))
    (made,) = backups(tmp_path / "backups")
    assert verify(made) == "0001"
    kept = create_engine(f"sqlite:///{made}")
    with kept.connect() as connection:
        assert connection.execute(select(schema.zone.c.token)).scalar_one() == "kept"
    kept.dispose()
    restore(made, url, START)
    new.dispose()


def test_books_are_restored_where_there_are_none_and_none_are_said_to_be_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a new machine: the settings, a backup, and an empty folder."""
    world.look(seen("A"))
    made = backup(world.engine, tmp_path / "elsewhere", 2, START)
    new = tmp_path / "new"
    new.mkdir()
    (tmp_path / "config.yaml").write_text(f"data: {new}\n")
    monkeypatch.setenv(CONFIG, str(tmp_path / "config.yaml"))
    assert "There were none before." in run(["restore", str(made)])[0]
    assert f"kept as {new}/media.db.before-" in run(["restore", str(made)])[0]


def test_the_address_to_set_is_told_as_it_was_named(
    empty_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its password stands elsewhere in the settings; stars in its place, copied from the sentence, would open nothing."""
    config = tmp_path / "config.yaml"
    config.write_text(f"data: {tmp_path}\nstate: {{database_password: elsewhere}}\n")
    monkeypatch.setenv(CONFIG, str(config))
    open_database(f"sqlite:///{tmp_path}/media.db").dispose()
    said = run(["migrate", empty_postgres])
    assert said[-1] == f"Now set state.database_url to {empty_postgres} and start photoduct."


def test_migrate_compares_and_refuses_what_is_not_empty_or_in_use(
    world: World, tmp_path: Path
) -> None:
    here, there = url_of(world.engine), f"sqlite:///{tmp_path}/there.db"
    with world.engine.connect() as connection:
        before = sums(connection)
    with owned(here), pytest.raises(Fatal, match="in use"):
        migrate(here, there)
    for _ in range(2):  # the second one finds that all is there
        told = migrate(here, there)
        assert "equal on both sides" in told[-2]
    world.look(seen("later", "later.JPG"))
    with pytest.raises(Fatal, match="other books"):
        migrate(here, there)
    with world.engine.connect() as connection:
        before_later = sums(connection)
    assert before_later != before
    other = open_database(there)
    with other.connect() as copied, world.engine.connect() as connection:
        assert sums(copied) == before
        assert sums(connection) == before_later
    other.dispose()


def test_books_are_restored_with_what_their_journal_holds(tmp_path: Path) -> None:
    """As a kill leaves them, and as a restore puts them aside: the last rows are in the journal only."""
    live, aside = tmp_path / "live.db", tmp_path / "media.db.before-x"
    books = open_database(f"sqlite:///{live}")
    World(books).look(seen("last"))
    for end in ("", "-wal"):
        shutil.copyfile(f"{live}{end}", f"{aside}{end}")
    assert Path(f"{aside}-wal").stat().st_size
    restore(aside, f"sqlite:///{tmp_path}/media.db", START)
    again = open_database(f"sqlite:///{tmp_path}/media.db")
    with again.connect() as connection:
        assert connection.execute(select(schema.asset.c.icloud_id)).scalars().all() == ["last"]
    again.dispose()
    books.dispose()


async def test_a_backup_of_a_clock_that_was_ahead_holds_up_no_other(
    world: World, tmp_path: Path
) -> None:
    settings = BackupSettings(at="24h")
    made = Backups(world.engine, tmp_path, settings, world.truth, world.clock)
    backup(world.engine, tmp_path, 2, world.clock.now() + timedelta(days=900))
    await made.look(OnThisThread())  # type: ignore[arg-type]
    assert made.last() == world.clock.now()


async def test_a_backup_is_made_when_due_and_a_failing_one_is_told_once_an_hour(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    made = Backups(world.engine, folder, BackupSettings(at="24h"), world.truth, world.clock)
    desk = OnThisThread()
    shown = CollectorRegistry()
    shown.register(BackupAge(made))
    at = shown.get_sample_value
    assert at("photoduct_backup_last_success_timestamp_seconds") == 0
    await made.look(desk)  # type: ignore[arg-type]
    await made.look(desk)  # type: ignore[arg-type]
    assert len(backups(folder)) == 1
    last = at("photoduct_backup_last_success_timestamp_seconds")
    assert last == world.clock.now().timestamp()
    assert at("photoduct_backup_due_timestamp_seconds") == last + 24 * 3600
    world.clock.pass_by(timedelta(hours=25))
    folder.rename(tmp_path / "away")
    folder.write_text("no folder")
    await made.look(desk)  # type: ignore[arg-type]
    assert "failed" in told(world)
    folder.unlink()
    await made.look(desk)  # type: ignore[arg-type]
    assert "failed" in told(world), "it was tried again at once"
    world.clock.pass_by(timedelta(hours=1))
    await made.look(desk)  # type: ignore[arg-type]
    assert told(world) == ""
    assert len(backups(folder)) == 1


class OnThisThread:
    async def on_writer(self, call: Callable[..., Any], *args: Any) -> Any:
        return call(*args)


def told(world: World) -> str:
    one = schema.attention.c
    query = select(one.text).where(one.key == "state:backup", one.cleared_at.is_(None))
    with world.engine.connect() as connection:
        return str(connection.execute(query).scalar() or "")


def test_books_whose_restore_was_cut_short_are_not_begun_anew(tmp_path: Path) -> None:
    common = Common(data=tmp_path)
    (tmp_path / "media.db.before-20261127T200000").write_bytes(b"the former books")
    with (
        pytest.raises(Fatal, match="a restore was cut short"),
        open_books(StateSettings(), common, Account()),
    ):
        pass
    assert not (tmp_path / "media.db").exists()
