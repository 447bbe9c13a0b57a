"""The preview for people: every tier is tried on every file, candidates lie in one folder, originals stay as they are."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from services.compressor import preview
from shared.domain.errors import Waiting
from tests.unit.compressor import samples

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[3]
TIERS = [
    {"name": "fine", "max_age_days": 365, "jpeg": {"encoder": "jpegli", "quality": 80, "floor": 20}},
    {"name": "old", "max_age_days": None, "h264": {"encoder": "x265", "crf": 30}},
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"compressor": {"tiers": TIERS}}))
    return path


def command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "shared.cli", "--config", str(config), "compress", *arguments]


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(config, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_each_tier_is_shown_and_its_candidate_written(tmp_path: Path, config: Path) -> None:
    source, into = samples.jpeg(tmp_path / "a.jpg"), tmp_path / "seen"
    before = source.read_bytes()
    done = run(config, "--preview", str(source), "--into", str(into), "--taken", "2001-01-01")
    assert done.returncode == 0, done.stderr
    fine, old = done.stdout.splitlines()
    assert fine.startswith("a.jpg, fine: ")
    assert "saved; score " in fine
    assert "; jpegli" in fine
    assert "score=" in fine
    assert old.startswith("a.jpg, old (its tier today): left as it is: the tier old leaves JPEG")
    (candidate,) = into.iterdir()
    assert candidate.stat().st_size < len(before)
    assert source.read_bytes() == before


def test_wrong_calls_are_one_sentence_and_write_nothing(tmp_path: Path, config: Path) -> None:
    into, source = tmp_path / "seen", samples.jpeg(tmp_path / "a.jpg")
    gone = run(config, "--preview", str(tmp_path / "gone.jpg"), "--into", str(into))
    assert (gone.returncode, into.exists()) == (2, False)
    assert gone.stderr == f"{tmp_path}/gone.jpg: there is no such file; expected a photo or video\n"
    into.mkdir()
    (into / "1-a.fine.jpg").write_text("mine")
    taken = run(config, "--preview", str(source), "--into", str(into))
    assert taken.returncode == 2
    assert "is there already" in taken.stderr
    assert [path.read_text() for path in into.iterdir()] == ["mine"]
    assert run(config, str(source)).returncode == 2


def test_a_world_that_is_not_ready_is_no_wrong_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def full(_: argparse.Namespace) -> int:
        raise Waiting("the disk is full", attention="disk")

    monkeypatch.setattr(preview, "preview", full)
    monkeypatch.setattr(sys, "argv", ["photoduct compress", "--preview", "a.jpg"])
    assert preview.main() == 3
    assert capsys.readouterr().err == "the disk is full\n"


def test_interrupted_it_leaves_no_half_candidate(tmp_path: Path, config: Path) -> None:
    source, into = samples.video(tmp_path / "a.mov", seconds=60), tmp_path / "seen"
    process = subprocess.Popen(
        command(config, "--preview", str(source), "--into", str(into)),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (into.exists() and list(into.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert [path.suffix for path in into.iterdir()] == [".partial"]
    process.send_signal(signal.SIGTERM)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 130
    assert words == b"Interrupted; finished candidates stay.\n"
    assert list(into.iterdir()) == []
