"""A state service whose Postgres is restarted ends with one sentence, is started anew, waits and works on; all of it real."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from services.state.owner import owned
from services.state.waiting import OPENING
from shared.adapters.jetstream import Silent
from shared.adapters.jetstream_asking import ask
from shared.domain import questions
from shared.domain.errors import Transient
from shared.runtime.service import START_AGAIN
from tests.contracts.conftest import new_database
from tests.integration.nats_fixture import real_nats
from tests.unit.runtime.asking import asked_at

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from shared.adapters.jetstream import Connection
    from tests.contracts.postgres import Server

pytestmark = pytest.mark.integration


async def start(config: Path) -> Process:
    command = [sys.executable, "-m", "services.state", "--config", str(config)]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stderr=pipe, stdout=pipe)


async def until(process: Process, words: str) -> None:
    assert process.stderr
    said = ""
    async with asyncio.timeout(60):
        while words not in said:
            line = await process.stderr.readline()
            assert line, "it ended"
            said = line.decode()


async def until_page(port: int, status: str, words: str) -> None:
    """Wait until `/readyz` says so."""
    async with asyncio.timeout(30):
        while True:
            found, text = await asked_at(port, "readyz")
            if found == status and text.startswith(words):
                return
            await asyncio.sleep(0.05)


async def until_put_off(operator: Connection) -> str:
    """Return the first sentence that somebody answers a question with."""
    async with asyncio.timeout(30):
        while True:
            with pytest.raises(Transient) as refused:
                await ask(operator, "ask.state.status", questions.AskStatus(), questions.Status)
            if not isinstance(refused.value, Silent):
                return str(refused.value)
            await asyncio.sleep(0.05)


async def test_a_restart_of_postgres_stops_nothing_for_good(
    tmp_path: Path, postgres_server: Server
) -> None:
    books = new_database(postgres_server.url, "restarted")
    config = tmp_path / "config.yaml"
    async with real_nats(tmp_path / "bus") as nats:
        config.write_text(
            f"data: {tmp_path}/bus\nlibrary: {{root: {tmp_path}}}\nnas: {{root: {tmp_path}}}\n"
            f"nats: {{url: '{nats.files.url}'}}\nstate: {{database_url: '{books}'}}\n"
        )
        first = await start(config)
        await until(first, "Ready to work.")
        postgres_server.stop()
        second = None
        try:
            async with asyncio.timeout(60):
                _, said = await first.communicate()
            assert first.returncode == START_AGAIN
            last = said.decode().splitlines()[-1]
            assert last.startswith("The lock on the state database was lost")
            assert "Traceback" not in said.decode()
            second = await start(config)
            await until(second, "cannot be reached")
            port = json.loads((tmp_path / "bus/run/state.json").read_text())["port"]
            assert await asked_at(port, "healthz") == ("200 OK", "ok\n")
            await until_page(
                port, "503 Not Ready", "The books are waited for. The state database cannot"
            )
            operator = await nats.connect("operator")
            assert "The books are waited for. The state database" in await until_put_off(operator)
        finally:
            postgres_server.start()
        await until(second, "Ready to work.")
        await until_page(port, "200 OK", "ready")
        await ask(operator, "ask.state.status", questions.AskStatus(), questions.Status)
        await operator.close()
        second.terminate()
        async with asyncio.timeout(60):
            await second.communicate()
        assert second.returncode == 0


async def test_a_second_state_service_answers_nobody_in_the_place_of_the_owner(
    tmp_path: Path,
) -> None:
    async with real_nats(tmp_path) as nats:
        config = tmp_path / "config.yaml"
        config.write_text(f"data: {tmp_path}\nnats: {{url: '{nats.files.url}'}}\n")
        with owned(f"sqlite:///{tmp_path}/media.db"):
            second = await start(config)
            while not (tmp_path / "run/state.json").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            port = json.loads((tmp_path / "run/state.json").read_text())["port"]
            await until_page(port, "503 Not Ready", OPENING)
            operator = await nats.connect("operator")
            with pytest.raises(Transient, match="Nobody listens"):
                await ask(operator, "ask.state.status", questions.AskStatus(), questions.Status)
            second.terminate()
            await second.communicate()
