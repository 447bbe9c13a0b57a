import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.compressor import child, encode
from services.compressor.encode import Job, TargetTaken, compress
from services.compressor.profiles import BALANCED
from services.compressor.verdict import Compressed
from shared.domain.errors import Permanent, PhotoductError, Transient
from tests.unit.compressor import samples
from tests.unit.compressor.conftest import NOW

Make = Callable[..., Job]


def children() -> set[str]:
    """The processes below this one, as `pid name`."""
    tree = subprocess.run(
        ["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in tree.stdout.splitlines()[1:]]
    known, found = {str(os.getpid())}, set[str]()
    for pid, parent, name in rows:
        if parent in known and name != "ps":
            known.add(pid)
            found.add(f"{pid} {name}")
    return found


async def test_a_taken_target_is_not_replaced(tmp_path: Path, job: Make) -> None:
    this = job(samples.jpeg(tmp_path / "a.jpg"))
    this.target.write_text("mine")
    with pytest.raises(TargetTaken):
        await compress(this)
    assert this.target.read_text() == "mine"


async def test_a_hang_costs_one_file(tmp_path: Path, job: Make) -> None:
    source = samples.video(tmp_path / "a.mov", seconds=20)
    started = time.monotonic()
    with pytest.raises(Permanent, match="stopped"):
        await compress(job(source, seconds=0.6))
    assert time.monotonic() - started < 5
    assert not list((tmp_path / "compress").iterdir())


async def test_cancelling_kills_the_encoder_and_clears_up(tmp_path: Path, job: Make) -> None:
    source = samples.video(tmp_path / "a.mov", seconds=60)
    before = children()
    task = asyncio.create_task(compress(job(source)))
    while not list((tmp_path / "compress").iterdir()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert any("ffmpeg" in name for name in children() - before)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 2
    await asyncio.sleep(0.1)
    assert not [name for name in children() - before if "defunct" not in name]
    assert not list((tmp_path / "compress").iterdir())


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Permanent, "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Transient, "killed"),
        ("raise ValueError('odd file')", Permanent, "odd file"),
    ],
)
async def test_a_crash_costs_one_file(
    tmp_path: Path,
    job: Make,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    error: type[PhotoductError],
    text: str,
) -> None:
    package = tmp_path / "fake" / "services" / "compressor"
    package.mkdir(parents=True)
    (package / "worker.py").write_text(code)
    monkeypatch.setattr(child, "_ROOT", tmp_path / "fake")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(error, match=text):
        await compress(job(samples.jpeg(tmp_path / "a.jpg")))


async def test_a_missing_source_is_no_verdict_on_the_photo(tmp_path: Path, job: Make) -> None:
    with pytest.raises(PhotoductError):
        await compress(job(tmp_path / "gone.jpg"))


async def test_relative_paths_are_refused(tmp_path: Path, job: Make) -> None:
    with pytest.raises(Permanent, match="absolute"):
        await compress(replace(job(tmp_path / "a.jpg"), source=Path("-a.jpg")))


async def test_leftovers_of_a_killed_try_do_no_harm(tmp_path: Path, job: Make) -> None:
    this = job(samples.jpeg(tmp_path / "a.jpg"))
    this.target.with_name(".a.jpg.partial").write_bytes(bytes(10_000_000))
    assert isinstance(await compress(this), Compressed)


async def test_the_child_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTODUCT_NATS_PASSWORD", "secret")
    assert "secret" not in child._environment().values()


def test_the_waiting_service_loads_no_codec() -> None:
    code = "import sys, services.compressor.encode; print({'PIL', 'pillow_heif', 'ffmpeg', 'numpy', 'oxipng'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """A parent that is killed outright closes the child's stdin."""
    source = samples.video(tmp_path / "a.mov", seconds=30)
    this = Job(source, tmp_path / "t.mov", NOW, NOW)
    request = json.dumps(encode._request(this, BALANCED[2], tmp_path / "part"))
    worker = subprocess.Popen(
        [sys.executable, "-m", "services.compressor.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=child._ROOT, start_new_session=True,
    )  # fmt: skip
    assert worker.stdin
    worker.stdin.write(request.encode() + b"\n")
    worker.stdin.flush()
    time.sleep(0.5)
    assert worker.poll() is None
    worker.stdin.close()
    assert worker.wait(5) == -9
