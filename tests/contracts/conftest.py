"""Opens each database that the state service supports; a real Postgres is started for the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from services.state.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine


def postgres_programs() -> Path | None:
    """Return the folder with initdb and postgres, or None where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a Postgres of its own, as a user other than root, and give its URL."""
    programs = postgres_programs()
    if programs is None:
        if os.environ.get("PHOTODUCT_REQUIRE_REAL"):
            pytest.fail("a real Postgres is required here and none is installed")
        pytest.skip("no Postgres server is installed")
    as_root = os.geteuid() == 0
    user = "postgres" if as_root else pwd.getpwuid(os.geteuid()).pw_name
    directory = Path(tempfile.mkdtemp(prefix="photoduct-pg-"))
    if as_root:
        shutil.chown(directory, "postgres", "postgres")

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, capture_output=True, user=user if as_root else None, cwd=directory
        )

    port, data = _free_port(), directory / "data"
    run(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8")
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1"
    log = str(directory / "log")
    run(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", log, "start")
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Open an empty database of each kind."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path}/media.db")
    else:
        base = request.getfixturevalue("postgres_url")
        name = f"t{abs(hash(request.node.nodeid))}"
        admin = create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        opened = open_database(f"{base}/{name}")
    yield opened
    opened.dispose()
