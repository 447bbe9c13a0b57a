"""Dashboards and rules: what is committed is what is made, says what it shows, and asks for figures that photoduct shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.dashboards import MADE, made

ROOT = Path(__file__).parents[3]
CODE = "".join(
    path.read_text() for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")
)
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
SOURCE = yaml.safe_load(
    (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
)["datasources"][0]
PAGE = (ROOT / "docs/monitoring.md").read_text()


def panels() -> list[dict[str, Any]]:
    pages = [json.loads(path.read_text()) for path in sorted(MADE.glob("*.json"))]
    return [panel for page in pages for panel in page["panels"] if panel["type"] != "row"]


def figures(expression: str) -> set[str]:
    """Return the names of photoduct's own figures; a histogram's parts count as the histogram."""
    named = re.findall(r"photoduct_\w+", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}


def shown(name: str) -> bool:
    return f'"{name}"' in CODE or (name == "photoduct_build_info" and '"photoduct_build"' in CODE)


def test_what_is_committed_is_what_is_made() -> None:
    committed = {path.name: path.read_text() for path in MADE.iterdir()}
    assert committed == made(), "run python -m deploy.grafana.dashboards"
    pages = [json.loads(text) for text in committed.values()]
    assert {page["uid"] for page in pages} == {
        "photoduct-overview",
        "photoduct-compressor",
        "photoduct-safety",
    }
    for page in pages:
        ids = [panel["id"] for panel in page["panels"]]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_in_which_unit_and_asks_for_figures_that_there_are(
    panel: dict[str, Any],
) -> None:
    assert panel["description"].endswith((".", ")."))
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["legendFormat"]
        assert target["datasource"] == panel["datasource"]
        assert figures(target["expr"]) or "up{" in target["expr"] or "ALERTS{" in target["expr"]
        assert [name for name in figures(target["expr"]) if not shown(name)] == []
    assert panel["datasource"] == {"type": SOURCE["type"], "uid": SOURCE["uid"]}


@pytest.mark.parametrize(
    "rule", [one for group in RULES["groups"] for one in group["rules"]], ids=str
)
def test_a_rule_asks_for_figures_that_there_are_and_an_alert_is_explained(
    rule: dict[str, Any],
) -> None:
    assert [name for name in figures(rule["expr"]) if not shown(name)] == []
    name = rule.get("alert") or rule["record"]
    assert f"`{name}`" in PAGE


def test_every_figure_that_the_page_names_is_shown() -> None:
    named = set(re.findall(r"`(photoduct_\w+)", PAGE))
    assert len(named) >= 30
    assert [name for name in named if not shown(name)] == []
