"""Every import contract holds, and each is seen to fail when it is broken on purpose."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
NAMES = [contract["name"] for contract in CONTRACTS]
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
LINTER = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

VIOLATIONS = {
    "Dependencies point inward": [
        ("shared/domain/ids.py", "import shared.runtime"),
        ("shared/ports/clock.py", "import shared.adapters.clock"),
        ("shared/runtime/service.py", "import services.state"),
    ],
    "Services never import each other": [
        ("services/compressor/settings.py", "import services.nas_sync.settings"),
    ],
    "The domain does no I/O": [
        ("shared/domain/naming.py", "import os"),
        ("services/state/policy/plan.py", "import sqlalchemy"),
        ("services/compressor/tiers/policy.py", "import subprocess"),
    ],
    "Only icloud_cleanup may reach the iCloud delete call": [
        ("services/downloader/handler.py", "import shared.adapters.icloud_delete"),
        ("shared/runtime/service.py", "from shared.adapters import icloud_delete"),
    ],
    "The product knows nothing of the simulators": [
        ("services/downloader/handler.py", "import simulators.icloud"),
    ],
}
"""For each contract: files, and the line that breaks it there."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the linter looks at."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("services", "shared", "simulators"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LINTER],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"},
    )
    return done.returncode, done.stdout + done.stderr


def broken(output: str) -> list[str]:
    return [name for name in NAMES if f"{name} BROKEN" in output]


def test_every_contract_holds(tree: Path) -> None:
    status, output = lint(tree)
    assert status == 0, output
    assert f"Contracts: {len(NAMES)} kept, 0 broken." in output


def test_every_contract_has_a_violation_here() -> None:
    assert sorted(VIOLATIONS) == sorted(NAMES)


@pytest.mark.parametrize(
    ("contract", "file", "line"),
    [(name, file, line) for name, cases in VIOLATIONS.items() for file, line in cases],
)
def test_a_broken_contract_is_seen(tree: Path, contract: str, file: str, line: str) -> None:
    path = tree / file
    before = path.read_text()
    path.write_text(f"{before}\n\n{line}\n")
    try:
        status, output = lint(tree)
    finally:
        path.write_text(before)
    assert status != 0
    assert contract in broken(output), output
