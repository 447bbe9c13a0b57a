"""The compressor's benchmark: it finds stills by content and says what was saved; its figures are not tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from tests.unit.benchmarks.running import quick, told

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_measured_and_left_as_it_is(tmp_path: Path) -> None:
    picture = Image.effect_noise((400, 300), 40).convert("RGB")
    picture.save(tmp_path / "one.jpg", quality=97)
    (tmp_path / "notes.txt").write_text("no picture")
    before = (tmp_path / "one.jpg").read_bytes()
    said = told("savings", str(tmp_path))
    assert "| small | light | JPEG | 1 |" in said
    assert "Largest worker" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "one.jpg"]
    assert (tmp_path / "one.jpg").read_bytes() == before


def test_a_folder_without_stills_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = quick("savings", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: expected a folder with JPEG, HEIC or PNG files.\n"


def test_the_memory_of_a_file_is_told() -> None:
    said = told("memory")
    assert "| JPEG of 1 megapixel |" in said
    assert "| compressed |" in said


def test_the_throughput_is_told_with_its_ratios() -> None:
    said = told("stills")
    assert "| compressor, 1 at once |" in said
    assert "at least 0.95 of the loop" in said


def test_what_a_video_costs_is_told() -> None:
    said = told("video")
    assert "| the compressor's final encode |" in said
    assert "search, of the encode" in said


def test_other_forms_are_told_beside_jpegli() -> None:
    said = told("forms")
    assert "| jpegli 4:2:0 | **1.00** (1.00 to 1.00) |" in said
    assert "| AVIF | quality 80 | quality 60 |" in said


def test_what_hdrs_judge_sees_is_told() -> None:
    said = told("hdr")
    assert "| zoom to 1000 | highlights blurred |" in said
    assert "judging (beside SDR)" in said
