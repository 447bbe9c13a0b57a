"""The example of all settings: made from the models, complete, and itself a valid settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from services import reference
from services.sections import SECTIONS, problems
from shared.runtime.settings import CONFIG, Common

if TYPE_CHECKING:
    import pytest


def test_the_example_is_up_to_date() -> None:
    assert (reference.ROOT / reference.FILE).read_text() == reference.page()


def test_the_example_names_every_setting_and_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    file = reference.ROOT / reference.FILE
    monkeypatch.setenv(CONFIG, str(file))
    assert problems() == []
    said = yaml.safe_load(file.read_text())
    assert set(said) == set(Common.model_fields) | set(SECTIONS)
    text = file.read_text()
    for name, model in SECTIONS.items():
        assert all(f"{field}:" in text for field in model.model_fields), name
