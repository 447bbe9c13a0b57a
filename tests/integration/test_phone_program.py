"""The phone as a program: what it tells, that it ends with all its children, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.phone.launch import PhoneProgram

no_syncthing = pytest.mark.skipif(
    shutil.which("syncthing") is None, reason="the `syncthing` program is not installed"
)
MODES = ["standin", pytest.param("real", marks=no_syncthing)]


def started_in(run_dir: Path) -> list[int]:
    """Process ids whose command line names this run folder, the simulator included."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if str(run_dir).encode() in command:
            found.append(int(entry.name))
    return found


def all_end(run_dir: Path) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not started_in(run_dir):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("mode", MODES)
def test_it_tells_where_it_is_and_keeps_its_address(tmp_path: Path, mode: str) -> None:
    program = PhoneProgram(tmp_path, mode=mode)
    with program:
        told = json.loads((program.run_dir / "phone.json").read_text())
    assert set(told) == {"rest_url", "api_key", "folder", "device", "mode", "truth_url"}
    assert told["mode"] == mode
    assert (program.run_dir / "phone.json").stat().st_mode & 0o077 == 0
    with program:
        again = json.loads((program.run_dir / "phone.json").read_text())
    assert again == told


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_it(tmp_path: Path, mode: str, number: signal.Signals) -> None:
    program = PhoneProgram(tmp_path, mode=mode)
    with program:
        running = started_in(program.run_dir)
        assert len(running) > 1 if mode == "real" else len(running) == 1
        assert program.pid is not None
        os.kill(program.pid, number)
        status = program.stop()
    assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    assert all_end(program.run_dir)


def test_real_mode_without_syncthing_says_so(tmp_path: Path) -> None:
    folders = ["--run-dir", "run", "--server-folder", "pixel", "--google-store", "google"]
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.phone", *folders, "--mode", "real"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "syncthing" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run" / "phone.json").exists()
