"""A state service whose Postgres is restarted ends with one sentence, is started anew, waits and works on; all of it real."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from services.state.owner import owned
from services.state.waiting import OPENING
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
            status, reason = await asked_at(port, "readyz")
            assert status == "503 Not Ready"
            assert reason.startswith("The books are waited for. The state database cannot be")
            operator = await nats.connect("operator")
            with pytest.raises(Transient, match=re.escape(reason.strip())):
                await ask(operator, "ask.state.status", questions.AskStatus(), questions.Status)
        finally:
            postgres_server.start()
        await until(second, "Ready to work.")
        assert await asked_at(port, "readyz") == ("200 OK", "ready\n")
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
            async with asyncio.timeout(30):
                while (await asked_at(port, "readyz"))[1] != f"{OPENING}\n":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            operator = await nats.connect("operator")
            with pytest.raises(Transient, match="Nobody listens"):
                await ask(operator, "ask.state.status", questions.AskStatus(), questions.Status)
            second.terminate()
            await second.communicate()
