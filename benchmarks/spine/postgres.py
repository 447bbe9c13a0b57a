"""Starts a private Postgres for a measurement, as a user other than root; it never touches another server's data."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from benchmarks.shared.processes import Disk, Program
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def programs() -> Path | None:
    """Return the folder with initdb and postgres, or None where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


@asynccontextmanager
async def postgres(disk: Disk) -> AsyncIterator[tuple[str, Program]]:
    """Run a server with its default (durable) settings; yields the URL of an empty database."""
    found = programs()
    assert found is not None, "no Postgres server is installed"
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    as_user = user if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="spine-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if as_user:
            shutil.chown(folder, user, user)
        init = [str(found / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "postgres"]
        _run([*init, "-E", "UTF8"], as_user, folder)
        port = free_port()
        options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
        command = [str(found / "postgres"), "-D", str(folder / "data"), *options]
        server = Program("postgres", command, folder, disk, user=as_user)
        try:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
            await _answers(url, server)
            yield url, server
        finally:
            await server.stop(signal.SIGINT)


def _run(command: list[str], user: str | None, folder: Path) -> None:
    subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)


async def _answers(url: str, server: Program) -> None:
    engine = create_engine(url)
    while True:
        server.check()
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            break
        except OperationalError:
            await asyncio.sleep(0.05)
    engine.dispose()
