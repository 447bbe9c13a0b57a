"""Which tests may run beside each other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import group_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/e2e/test_demo.py::test_it[1]", "heavy"),
        ("tests/unit/benchmarks/test_line.py::test_it", "heavy"),
        ("tests/unit/shared/test_gate.py::test_it[a::b]", "tests/unit/shared/test_gate.py"),
    ],
)
def test_heavy_tests_share_one_process_and_others_their_files(test: str, group: str) -> None:
    assert group_of(test) == group


def test_pytest_keeps_to_the_groups() -> None:
    files = [f"tests/unit/shared/test_{name}.py" for name in ("spans", "folders", "states")]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadfile", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.findall(r"^\[(gw\d)\] .* (tests/\S+)::", said, re.MULTILINE)
    assert {file for _, file in found} == set(files)
    assert len(set(found)) == len(files)  # each in one process
    assert {worker for worker, _ in found} == {"gw0", "gw1"}
