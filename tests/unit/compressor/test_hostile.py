"""Files that mean harm, or are none at all: each costs itself, never the service, and is never taken for a good one."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.compressor.encode import Job, compress
from services.compressor.pool import nursery
from services.compressor.verdict import Left, Limits, Unreadable
from tests.unit.compressor import samples
from tests.unit.compressor.hostile import HOSTILE

Make = Callable[..., Job]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_costs_a_second_and_is_no_rendition(
    tmp_path: Path, job: Make, name: str
) -> None:
    make, reason = HOSTILE[name]
    (tmp_path / name).write_bytes(make())
    limits = Limits(pixels=2_000_000, memory=1 << 30)
    answer = await compress(job(tmp_path / name, limits=limits, seconds=60))
    assert isinstance(answer, Left | Unreadable)
    assert reason in answer.reason
    assert not isinstance(answer, Left) or answer.readable is not True


async def test_any_cut_of_a_picture_is_unreadable_or_left(tmp_path: Path, job: Make) -> None:
    whole = samples.jpeg(tmp_path / "whole.jpg").read_bytes()
    for cut in (1, 3, 11, 700, len(whole) - 1):
        (tmp_path / "cut.jpg").write_bytes(whole[:cut])
        assert isinstance(await compress(job(tmp_path / "cut.jpg")), Unreadable)


async def test_a_still_that_is_too_big_a_file_is_not_read(tmp_path: Path, job: Make) -> None:
    with (tmp_path / "big.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(3 << 30)
    started = time.monotonic()
    answer = await compress(job(tmp_path / "big.jpg"))
    assert isinstance(answer, Left)
    assert "3,221,225,472 bytes" in answer.reason
    assert time.monotonic() - started < 20


async def test_too_little_memory_leaves_the_file(tmp_path: Path, job: Make) -> None:
    source = samples.jpeg(tmp_path / "a.jpg", size=(1000, 1000))
    answer = await compress(job(source, limits=Limits(memory=340 << 20)))
    assert isinstance(answer, Left)
    assert "memory" in answer.reason


CONFINED = """
import json, socket, sys
from services.compressor.pool.confine import cut_off
gone = cut_off()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)
    reached = True
except OSError:
    reached = False
rights = open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0]
print(json.dumps([gone, reached, rights]))
"""


def test_the_decoder_reaches_no_network_where_the_system_permits_that() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, "-c", CONFINED, str(server.getsockname()[1])],
            capture_output=True, text=True, check=True, cwd=nursery._ROOT,
        )  # fmt: skip
    gone, reached, rights = json.loads(done.stdout)
    assert rights == "1"
    assert reached is not gone


def test_each_library_gets_one_thread() -> None:
    found = nursery.environment()
    assert {found[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "RAYON")} == {"1"}
