"""Which tests may run beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import group_of

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("file", "group"),
    [
        ("e2e/test_demo.py", "heavy"),
        ("unit/benchmarks/test_line.py", "heavy"),
        ("unit/shared/test_gate.py", "unit/shared/test_gate.py"),
    ],
)
def test_heavy_tests_share_one_process_and_others_their_files(file: str, group: str) -> None:
    assert group_of(TESTS / file) == group


def test_this_very_test_has_its_group(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("xdist_group")
    assert marker.args == ("unit/shared/test_parallel.py",)
