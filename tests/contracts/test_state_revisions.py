"""Books of every released revision, with data in them, are upgraded to the newest and keep what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from services.state.backup import backup, backups, verify
from services.state.database import HEAD, MIGRATIONS, connect, open_database, upgrade_on
from tests.contracts.books_world import START, World, seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/media.db"
        return
    base = request.getfixturevalue("postgres_url")
    name = f"r{abs(hash(request.node.nodeid))}"
    admin = create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    yield f"{base}/{name}"


ASSET = (
    "INSERT INTO asset (id, icloud_id, zone, change_tag, filename, created_date, stem_key, stem, favorite, "
    "hidden, listed, removal, approved, was_pending) VALUES (1, 'A', 'PrimarySync', 't1', 'Ä.JPG', "
    "'2020-05-01T12:00:00+00:00', '2020/05/ä', 'Ä', :no, :no, :yes, 'none', :no, :no)"
)
MEDIA = (
    "INSERT INTO media (id, filename, icloud_id, created_date, status, album_moved, last_updated, asset_id, "
    "resource, checksum, listed_size, kind, path, path_key, current, local, google, nas, compression) VALUES "
    "(1, 'Ä.JPG', 'A', '2020-05-01T12:00:00+00:00', 'discovered', 0, '2026-01-01T00:00:00.000000+00:00', 1, "
    "'original', 'c-A', 100, 'photo', '2020/05/Ä.JPG', 'file:2020/05/ä.jpg', :yes, :local, 'none', 'none', 'none')"
)
RELEASED_AND_BACK = (
    "UPDATE asset SET removal = 'pending'",
    "UPDATE asset SET removal = 'intent'",
    "UPDATE asset SET removal = 'deleted'",
    "UPDATE asset SET removal = 'restored'",
    "UPDATE media SET local = 'backup', sha256 = 'abc', initial_size = 100",
    "UPDATE media SET nas = 'verified'",
    "UPDATE media SET nas = 'released'",
)
REST = (
    "UPDATE media SET local = 'downloaded', sha256 = 'abc', initial_size = 9007199254740993",
    "UPDATE media SET nas = 'verified', nas_path = '2020/05/Ä.JPG'",
    "INSERT INTO zone (name, token) VALUES ('PrimarySync', 'seven')",
    "INSERT INTO setting (key, value) VALUES ('archive', 'archive-1'), ('frozen', 'a person looks')",
    "INSERT INTO history (at, asset_id, machine, old, new, report_id) VALUES ('2026-01-01', 1, 'nas', 'none', 'verified', 'r')",
)


def test_books_from_before_a_column_get_it_and_the_new_moves(url: str, tmp_path: Path) -> None:
    """The first revision makes today's tables; those that were made by an older photoduct lack what came later."""
    old = connect(url)
    with old.begin() as connection:
        upgrade_on(connection, "0002")
        for name in ("score", "renew_at", "candidate"):
            connection.execute(text(f"ALTER TABLE media DROP COLUMN {name}"))
        connection.execute(text("DELETE FROM legal_move WHERE 'renewing' IN (old, new)"))
        connection.execute(text(ASSET), {"yes": True, "no": False})
        connection.execute(text(MEDIA), {"yes": True, "local": "wanted"})
        for statement in RELEASED_AND_BACK:
            connection.execute(text(statement))
        connection.execute(text("ALTER TABLE permit DROP COLUMN media_id"))
        connection.execute(text("DELETE FROM legal_move WHERE old = 'released'"))
    old.dispose()
    new = open_database(url, lambda one: backup(one, tmp_path / "backups", 2, START))
    assert verify(backups(tmp_path / "backups")[0]) == "0002"
    world = World(new)
    world.tick()
    assert "nas" in {due.task.stage for due in world.due}, "what came back is archived anew"
    world.look(seen("A"))
    with new.connect() as connection:
        assert connection.execute(text("SELECT media_id FROM permit")).all() == []
        row = connection.execute(text("SELECT score, renew_at, candidate FROM media")).first()
        moves = "SELECT count(*) FROM legal_move WHERE machine = 'compression' AND new = 'renewing'"
        assert row == (None, None, None)
        assert connection.execute(text(moves)).scalar_one() == 2
    new.dispose()


@pytest.mark.parametrize("revision", revisions())
def test_books_of_every_revision_are_upgraded_with_their_data(
    url: str, revision: str, tmp_path: Path
) -> None:
    old = connect(url)
    with old.begin() as connection:
        upgrade_on(connection, revision)
        connection.execute(text(ASSET), {"yes": True, "no": False})
        start = "SELECT new FROM legal_move WHERE machine = 'local' AND old = '' ORDER BY new"
        local = connection.execute(text(start)).scalars().first()
        connection.execute(text(MEDIA), {"yes": True, "local": local})
        for statement in REST:
            if "local = 'downloaded'" in statement:
                step = (
                    "SELECT new FROM legal_move WHERE machine = 'local' AND old = :old ORDER BY new"
                )
                to = connection.execute(text(step), {"old": local}).scalars().first()
                statement = statement.replace("'downloaded'", f"'{to or local}'")
            connection.execute(text(statement))
    old.dispose()
    new = open_database(url, lambda one: backup(one, tmp_path / "backups", 2, START))
    with new.connect() as connection:

        def one(query: str) -> object:
            return connection.execute(text(query)).scalar_one()

        assert one("SELECT version_num FROM alembic_version") == HEAD
        assert one("SELECT initial_size FROM media") == 9_007_199_254_740_993
        assert one("SELECT nas || ' ' || nas_path FROM media") == "verified 2020/05/Ä.JPG"
        assert one("SELECT value FROM setting WHERE key = 'frozen'") == "a person looks"
        assert one("SELECT count(*) FROM history") == 1
    kept = backups(tmp_path / "backups")
    assert [verify(path) for path in kept] == ([] if revision == HEAD else [revision])
    World(new).look(seen("B", "B.JPG"))
    with new.connect() as connection:
        assert connection.execute(text("SELECT max(id) FROM asset")).scalar_one() == 2
    new.dispose()
