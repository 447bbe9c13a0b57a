"""The supervisor with real processes: starts all, restarts what dies, stops in time, refuses a second one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.domain.errors import Fatal
from shared.runtime.settings import load_common
from shared.runtime.supervisor import Supervisor, environment_of
from simulators.ports import free_port

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
SERVICES = ("nas_sync", "compressor")
SECRETS = ("PHOTODUCT_STATE__DATABASE_PASSWORD", "photoduct_pixel_sync__api_key")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    for folder in ("library", "nas"):
        (tmp_path / folder).mkdir()
    path.write_text(
        f"data: {tmp_path}/data\n"
        f"library: {{root: {tmp_path}/library}}\n"
        f"nas: {{root: {tmp_path}/nas}}\n"
        f"nats: {{url: 'nats://127.0.0.1:{free_port()}'}}\n"
    )
    return path


def supervisor(config: Path) -> Supervisor:
    return Supervisor(load_common(config), config, services=SERVICES)


def add_line(config: Path, line: str) -> None:
    config.write_text(config.read_text() + line + "\n")


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


async def until_log(config: Path, service: str, text: str, times: int = 1) -> None:
    path = load_common(config).data / "logs" / f"{service}.log"
    async with asyncio.timeout(60):
        while not path.exists() or path.read_text().count(text) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_it_restarts_what_is_killed_and_stops_all_in_time(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "hush-hush")
    async with supervisor(config) as everything:
        before = everything.alive()
        assert not any("hush-hush" in environment(pid) for pid in before.values())
        assert set(before) == {"nats", *SERVICES}
        await until_log(config, "nas_sync", "Ready to work")
        os.kill(before["nas_sync"], signal.SIGKILL)
        os.kill(before["nats"], signal.SIGKILL)
        await until_log(config, "nas_sync", "Ready to work", times=2)
        after = everything.alive()
        assert after["nas_sync"] != before["nas_sync"]
        assert after["nats"] != before["nats"]
        with pytest.raises(Fatal, match="runs already"):
            async with supervisor(config):
                pass
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not any(running(pid) for pid in after.values())


async def test_a_service_that_gives_up_stops_everything_with_its_sentence(config: Path) -> None:
    add_line(config, "compressor: {slots: x}")
    async with supervisor(config) as everything:
        with pytest.raises(Fatal, match=r"compressor\.slots: expected .* got 'x'"):
            await asyncio.wait_for(everything.wait(), 60)


async def test_a_taken_port_is_one_clear_sentence(config: Path) -> None:
    port = int(load_common(config).nats.url.rpartition(":")[2])
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    with pytest.raises(Fatal, match=f"Port {port} .* is taken"):
        async with supervisor(config):
            pass
    server.close()
    await server.wait_closed()


def test_its_children_die_with_it(config: Path) -> None:
    program = (
        "import asyncio, sys, json, pathlib\n"
        "from shared.runtime.settings import load_common\n"
        "from shared.runtime.supervisor import Supervisor, environment_of\n"
        "async def main():\n"
        f"    path = pathlib.Path({str(config)!r})\n"
        f"    async with Supervisor(load_common(path), path, services={SERVICES!r}) as s:\n"
        "        print(json.dumps(s.alive()), flush=True)\n"
        "        await s.wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as it:
        assert it.stdout
        pids = [
            int(part)
            for part in it.stdout.readline()
            .decode()
            .replace("}", "")
            .replace(",", ":")
            .split(":")[1::2]
        ]
        assert len(pids) == 3
        it.kill()
    deadline = time.monotonic() + 60
    while any(running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(running(pid) for pid in pids)


def test_a_secret_of_the_settings_reaches_the_one_service_that_reads_it() -> None:
    everything = {**dict.fromkeys(SECRETS, "hush-hush"), "PHOTODUCT_LOGS__LEVEL": "debug"}
    for name, secrets in (("state", SECRETS[:1]), ("pixel_sync", SECRETS[1:]), ("nats", ())):
        left = environment_of(name, everything)
        assert left.keys() == {*secrets, "PHOTODUCT_LOGS__LEVEL"}
