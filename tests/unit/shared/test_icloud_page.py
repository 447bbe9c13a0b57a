"""docs/icloud.md: its settings exist, its sentences are those that a person reads, its metrics are served, and it is linked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from services.sections import SECTIONS, problems
from shared.domain.folders import checked_pattern
from shared.runtime.settings import CONFIG

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/icloud.md").read_text()
CODE = "".join(
    path.read_text() for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")
)


def test_every_setting_that_is_named_exists() -> None:
    example = yaml.safe_load((ROOT / "config.example.yaml").read_text())
    named = re.findall(rf"`({'|'.join(SECTIONS)}|library)\.([a-z_]+)", PAGE)
    assert len(named) >= 12
    assert [one for one in named if one[1] not in example[one[0]]] == []


def test_every_block_of_settings_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        (tmp_path / "config.yaml").write_text(block)
        monkeypatch.setenv(CONFIG, str(tmp_path / "config.yaml"))
        assert problems() == []


def test_every_metric_that_is_named_is_served() -> None:
    named = set(re.findall(r"`(photoduct_\w+)`", PAGE))
    assert len(named) >= 10
    assert [name for name in named if f'"{name}"' not in CODE] == []


@pytest.mark.parametrize(
    "said",
    [
        "Apple refuses this Apple Account or password",
        "Apple refused this code",
        "Apple limits sign-ins until",
        "Apple sends no code there at the moment",
        "Apple has locked this account",
        "Apple wants its new terms accepted",
        "Advanced Data Protection is on",
        "'Access iCloud Data on the Web' is off",
        "iCloud denies access to the photos",
        "signs in with security keys only",
        "iCloud cannot be reached",
        "iCloud wants a sign-in",
    ],
)
def test_what_the_page_explains_is_what_photoduct_says(said: str) -> None:
    assert said in PAGE
    assert said in CODE


def test_the_letters_of_a_pattern_are_all_that_there_are() -> None:
    listed = re.search(r"`((?:%\w ?)+)` can be used", " ".join(PAGE.split()))
    assert listed
    for letter in listed[1].split():
        assert checked_pattern(f"{{created:{letter}}}")


@pytest.mark.parametrize("page", ["README.md", "docs/first-steps.md"])
def test_it_is_linked(page: str) -> None:
    assert "icloud.md" in (ROOT / page).read_text()
