"""Opens each database that the state service supports; a real Postgres is started for the tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from services.state.database import open_database
from tests.contracts.killing import Killer
from tests.contracts.postgres import Server, programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Give a server of the tests' own: who stops it starts it again."""
    there = programs()
    if there is None:
        if os.environ.get("PHOTODUCT_REQUIRE_REAL"):
            pytest.fail("a real Postgres is required here and none is installed")
        pytest.skip("no Postgres server is installed")
    with server(there) as one:
        yield one


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """Give the URL of that server."""
    return postgres_server.url


def new_database(base: str, name: str) -> str:
    """Make a database on a server and return its URL."""
    admin = create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{base}/{name}"


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest, postgres_url: str) -> str:
    """Give the URL of a database in which nothing is."""
    return new_database(postgres_url, f"e{abs(hash(request.node.nodeid))}")


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Open an empty database of each kind."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path}/media.db")
    else:
        base = request.getfixturevalue("postgres_url")
        opened = open_database(new_database(base, f"t{abs(hash(request.node.nodeid))}"))
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    """Give what does an act on the books and is killed in the middle of it."""
    with Killer() as one:
        yield one
