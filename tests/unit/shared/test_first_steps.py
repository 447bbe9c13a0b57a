"""docs/first-steps.md: every command in it exists, every setting in it is one, and it is linked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
import yaml

from services.sections import SECTIONS, lacking, problems
from shared.cli.main import app
from shared.runtime.settings import CONFIG

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/first-steps.md").read_text()


def test_every_command_exists() -> None:
    group = typer.main.get_command(app)
    commands = getattr(group, "commands")  # noqa: B009 - only a group has them
    named = set(re.findall(r"\./photoduct ([a-z][a-z-]*)", PAGE))
    assert named >= {"init", "login", "up", "status", "pending", "confirm-freed", "veto"}
    assert named - set(commands) == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_no_page_names_a_command_that_there_is_not(page: Path) -> None:
    group = typer.main.get_command(app)
    commands = set(getattr(group, "commands"))  # noqa: B009 - only a group has them
    shown = r"^    (?:\./)?photoduct(?: --config \S+)? ([a-z][a-z-]*)|--rm (?:--no-deps )?cli ([a-z][a-z-]*)"
    named = {one or other for one, other in re.findall(shown, page.read_text(), re.MULTILINE)}
    assert named - commands - {"test"} == set()


def test_every_block_of_settings_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "config.yaml").write_text(block)
        monkeypatch.setenv(CONFIG, str(tmp_path / "config.yaml"))
        assert problems() == []
        assert all("api_key" in line or "icloud.apple_id" in line for line in lacking())


def test_every_setting_exists_with_the_default_that_is_said() -> None:
    example = yaml.safe_load((ROOT / "config.example.yaml").read_text())
    named = re.findall(rf"`({'|'.join(SECTIONS)})\.([a-z_]+)`", PAGE)
    assert len(named) >= 10
    assert [one for one in named if one[1] not in example[one[0]]] == []
    said = re.findall(r"`deletion\.([a-z_]+)`, ([0-9.]+d?)", PAGE)
    assert len(said) == 5
    for field, value in said:
        assert str(example["deletion"][field]) == value


@pytest.mark.parametrize("page", ["README.md", "config.example.yaml", "docs/performance.md"])
def test_it_is_linked(page: str) -> None:
    assert "first-steps.md" in (ROOT / page).read_text()
