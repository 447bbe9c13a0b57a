"""What runs together where tests run in parallel (`-n 2 --dist loadgroup`): a file stays in one process, heavy ones never meet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_HEAVY: Final = frozenset({"e2e", "fidelity", "unit/benchmarks"})
"""Folders whose tests start whole pipelines or measure time: of all of them, one at a time."""


def group_of(path: Path) -> str:
    """Return what a test file shares a process with."""
    below = path.relative_to(_HERE).as_posix()
    return "heavy" if any(below.startswith(f"{folder}/") for folder in _HEAVY) else below


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name each test's group; a test that names its own keeps it."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group_of(item.path)))
