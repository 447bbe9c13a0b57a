"""Lengths of time in settings: a number without its unit is no length of time, and none is negative."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.state.settings import DeletionSettings, StateSettings
from shared.domain.spans import read_span
from shared.runtime.settings import SettingsError, load_section

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", timedelta(0)),
        ("1.5s", timedelta(seconds=1.5)),
        (" 15 m ", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_a_length_of_time_has_a_unit(text: str, span: timedelta) -> None:
    assert read_span(text) == span


@pytest.mark.parametrize("value", [14, 0, 14.0, -5, True, "14", "-5s", "", "P14D", "14 days", "ds"])
def test_anything_else_is_refused_with_what_is_expected(value: object) -> None:
    with pytest.raises(ValueError, match="a length of time such as 30s, 15m, 24h or 14d"):
        read_span(value)


@pytest.mark.parametrize("value", [timedelta(seconds=-1), timedelta.max, "36501d", "999999999999d"])
def test_what_no_calendar_holds_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="at most 36500d and never negative"):
        read_span(value)


def refused(folder: Path, section: str, text: str) -> list[str]:
    config = folder / "config.yaml"
    config.write_text(f"{section}: {{{text}}}\n")
    model = DeletionSettings if section == "deletion" else StateSettings
    with pytest.raises(SettingsError) as wrong:
        load_section(section, model, config)
    return wrong.value.lines


@pytest.mark.parametrize("field", ["dwell", "minimum_age", "local_purge_after", "evidence_age"])
@pytest.mark.parametrize("value", ["14", "-5", "-5s", "'14'"])
def test_no_rule_of_deletion_takes_a_bare_number(field: str, value: str, tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "deletion", f"{field}: {value}")
    assert line.startswith(f"config.yaml: deletion.{field}: expected a length of time such as 30s")


def test_the_books_are_not_compared_all_the_time(tmp_path: Path) -> None:
    for field in ("reconcile_every", "patience", "first_retry"):
        (line,) = refused(tmp_path, "state", f"{field}: 0s")
        assert line == f"config.yaml: state.{field}: expected at least 0.05s"
    assert refused(tmp_path, "deletion", "dwell: 20000d") == [
        "config.yaml: deletion.dwell: expected at most 3650d"
    ]


def test_null_keeps_local_originals(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("deletion: {local_purge_after: null}\n")
    found = load_section("deletion", DeletionSettings, tmp_path / "config.yaml")
    assert found.local_purge_after is None
