"""Holds the layout: a newcomer who knows one service's folder knows them all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from shared.domain.pipeline import SERVICES, STATE

ROOT = Path(__file__).parents[3]
WORKERS = [service.name for service in SERVICES]
EVERY = [*WORKERS, STATE.name]
CODE = [
    path
    for folder in ("services", "shared", "simulators")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.stat().st_size
]
README_WORDS = ("consumes", "emits", "owns", "never")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def readme_lines(service: str) -> list[str]:
    text = (ROOT / "services" / service / "README.md").read_text()
    return [line.strip("#-* ").lower() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("service", EVERY)
def test_a_service_has_a_readme_a_main_and_settings(service: str) -> None:
    for name in ("README.md", "__init__.py", "__main__.py", "settings.py"):
        assert (ROOT / "services" / service / name).is_file()
    assert (ROOT / "services" / service / "__init__.py").read_text() == ""


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_has_a_handler(service: str) -> None:
    assert (ROOT / "services" / service / "handler.py").is_file()


@pytest.mark.parametrize("service", EVERY)
def test_a_readme_says_what_a_service_consumes_emits_owns_and_never_does(service: str) -> None:
    lines = readme_lines(service)
    places = [
        next((n for n, line in enumerate(lines) if line.startswith(word)), None)
        for word in README_WORDS
    ]
    assert None not in places, dict(zip(README_WORDS, places, strict=True))
    assert places == sorted(places, key=lambda place: place or 0)
    assert len(lines) <= 12


@pytest.mark.parametrize("service", EVERY)
def test_a_main_is_wiring_only(service: str) -> None:
    path = ROOT / "services" / service / "__main__.py"
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) <= 60
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.While)]
    assert any(isinstance(node, ast.AsyncFunctionDef) and node.name == "main" for node in tree.body)


@pytest.mark.parametrize("service", EVERY)
def test_every_service_has_tests(service: str) -> None:
    assert list((ROOT / "tests/unit" / service).glob("test_*.py"))


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_module_begins_with_what_it_is_for_in_one_line(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert re.match(r'"""\S.*[.;:)`]("""|$)', first), first


def test_no_folder_is_made_for_what_has_no_name() -> None:
    nameless = {"utils", "util", "helpers", "common", "misc", "manager", "managers"}
    assert not [name_of(path) for path in CODE if {path.stem, path.parent.name} & nameless]
    managers = [
        f"{name_of(path)}: {node.name}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and "manager" in node.name.lower()
    ]
    assert not managers


def test_a_file_stays_a_file() -> None:
    long = {name_of(p): n for p in CODE if (n := len(p.read_text().splitlines())) > 400}
    assert not long


def test_every_service_has_its_own_lock() -> None:
    for service in EVERY:
        assert (ROOT / "requirements" / f"{service}.txt").is_file()
    assert "--hash=" in (ROOT / "requirements/dev.txt").read_text()


def test_a_changelog_fragment_has_a_topic_and_a_kind() -> None:
    fragments = {path.name for path in (ROOT / "changelog.d").iterdir()} - {"README.md"}
    odd = [n for n in fragments if not re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed)\.md", n)]
    assert not odd
