"""The imitated line has its latency and its rate, shares it, and changes no byte."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.shared.processes import Program
from simulators.parent import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROUND_TRIP_S = 0.04
RATE = 5_000_000
BODY = bytes(range(256)) * 2_000
LARGE = BODY * 4
INVITATION = b"CONNECT p42-ckdatabasews.icloud.com:443 HTTP/1.1\r\nHost: any\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    size = int(await reader.readline())
    writer.write(LARGE[:size])
    await writer.drain()
    writer.close()


@asynccontextmanager
async def line(folder: Path) -> AsyncIterator[int]:
    """Run a server that sends as many bytes as it is asked for, behind a line; yields the near end's port."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    behind, told = server.sockets[0].getsockname()[1], folder / "line.json"
    words = ["--to", str(behind), "--told", str(told)]
    words += ["--latency-ms", str(1000 * ROUND_TRIP_S), "--mbit", str(8 * RATE / 1e6)]
    command = [sys.executable, "-m", "benchmarks.downloader.line", *words]
    program = Program("line", command, folder, env=environment())
    try:
        while not told.exists():
            program.check()
            await asyncio.sleep(0.02)
        yield json.loads(told.read_text())["port"]
    finally:
        await program.stop()
        server.close()
    assert program.status == 0
    assert program.log.read_text() == ""


async def fetch(port: int, size: int, *, invited: bool = False) -> tuple[bytes, float]:
    """Ask for bytes over a new connection; return them and the seconds that it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if invited:
        writer.write(INVITATION)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    begun = time.perf_counter()
    writer.write(f"{size}\n".encode())
    found = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return found, time.perf_counter() - begun


async def test_a_connection_costs_a_round_trip_and_a_question_another(tmp_path: Path) -> None:
    async with line(tmp_path) as port:
        found = [await fetch(port, 1) for _ in range(3)]
        assert all(body == BODY[:1] for body, _ in found)
        quickest = min(seconds for _, seconds in found)  # the others met what else was going on
        assert 2 * ROUND_TRIP_S <= quickest < 2 * ROUND_TRIP_S + 0.5


async def test_a_program_that_was_given_a_proxy_meets_the_same_line(tmp_path: Path) -> None:
    async with line(tmp_path) as port:
        found, seconds = await fetch(port, 1000, invited=True)
        assert found == BODY[:1000]
        assert seconds >= 2 * ROUND_TRIP_S


async def test_connections_share_the_rate_and_every_byte_comes_through(tmp_path: Path) -> None:
    async with line(tmp_path) as port:
        begun = time.perf_counter()
        found = await asyncio.gather(*(fetch(port, len(BODY)) for _ in range(8)))
        rate = 8 * len(BODY) / (time.perf_counter() - begun)
        assert all(body == BODY for body, _ in found)
        assert 0.4 * RATE < rate <= 1.05 * RATE


async def test_a_small_answer_has_its_turn_among_large_ones(tmp_path: Path) -> None:
    async with line(tmp_path) as port:
        large = [asyncio.create_task(fetch(port, len(LARGE))) for _ in range(6)]
        await asyncio.sleep(2.5 * ROUND_TRIP_S)
        await fetch(port, 1)
        assert not any(task.done() for task in large)  # twelve megabytes take them over two seconds
        await asyncio.gather(*large)
