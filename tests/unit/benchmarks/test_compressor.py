"""The compressor's benchmark: it finds stills by content and says what was saved; its figures are not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[3]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.compressor", "savings", str(folder), "--quick"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_folder_is_measured_and_left_as_it_is(tmp_path: Path) -> None:
    picture = Image.effect_noise((400, 300), 40).convert("RGB")
    picture.save(tmp_path / "one.jpg", quality=97)
    (tmp_path / "notes.txt").write_text("no picture")
    before = (tmp_path / "one.jpg").read_bytes()
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| small | light | JPEG | 1 |" in done.stdout
    assert "Largest worker" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "one.jpg"]
    assert (tmp_path / "one.jpg").read_bytes() == before


def test_a_folder_without_stills_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: expected a folder with JPEG, HEIC or PNG files.\n"


def test_the_memory_of_a_file_is_told() -> None:
    command = [sys.executable, "-m", "benchmarks.compressor", "memory", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| JPEG of 1 megapixel |" in done.stdout
    assert "| compressed |" in done.stdout


def test_the_throughput_is_told_with_its_ratios() -> None:
    command = [sys.executable, "-m", "benchmarks.compressor", "stills", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| compressor, 1 at once |" in done.stdout
    assert "at least 0.95 of the loop" in done.stdout


def test_what_a_video_costs_is_told() -> None:
    command = [sys.executable, "-m", "benchmarks.compressor", "video", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| the compressor's final encode |" in done.stdout
    assert "search, of the encode" in done.stdout


def test_other_forms_are_told_beside_jpegli() -> None:
    command = [sys.executable, "-m", "benchmarks.compressor", "forms", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| jpegli 4:2:0 | **1.00** (1.00 to 1.00) |" in done.stdout
    assert "| AVIF | quality 80 | quality 60 |" in done.stdout


def test_what_hdrs_judge_sees_is_told() -> None:
    command = [sys.executable, "-m", "benchmarks.compressor", "hdr", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| zoom to 1000 | highlights blurred |" in done.stdout
    assert "judging (beside SDR)" in done.stdout
