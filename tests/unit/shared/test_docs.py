"""The made pages say what the tables say, and what the written ones name exists."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shared.docs import bus, models, picture, states
from shared.docs.__main__ import ROOT, main, outdated
from shared.domain import events, gate, seen, work_items
from shared.domain.pipeline import SERVICES, STAGES
from shared.domain.states import MOVES
from shared.domain.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path


def links(page: str) -> list[str]:
    return [part.split(")", 1)[0].split("#")[0] for part in page.split("](")[1:]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/events.md", "docs/states.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    main([], tmp_path)
    return tmp_path


def test_the_made_pages_are_up_to_date() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "shared.docs", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, f"run python -m shared.docs: {made.stdout}{made.stderr}"


@pytest.mark.parametrize("page", ["README.md", "docs/events.md", "docs/states.md"])
def test_an_edited_page_is_out_of_date_until_it_is_made_again(copy: Path, page: str) -> None:
    old = (copy / page).read_text()
    (copy / page).write_text(old.replace("wanted", "w").replace("nas_sync", "n"))
    assert main(["--check"], copy) == 1
    assert (copy / page).read_text() != old
    assert main([], copy) == 0
    assert main(["--check"], copy) == 0
    assert (copy / page).read_text() == old


def test_a_missing_page_is_out_of_date(copy: Path) -> None:
    (copy / "docs/states.md").unlink()
    assert [path.name for path in outdated(copy)] == ["states.md"]


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        picture.within("no picture here")


def test_the_text_around_the_picture_stays() -> None:
    made = picture.within(f"before\n{picture.BEGIN}\nold\n{picture.END}\nafter\n")
    assert made.startswith("before\n")
    assert made.endswith("after\n")
    assert "old" not in made


def test_the_picture_shows_every_service_and_stage() -> None:
    drawn = picture.flowchart()
    assert all(f"    {service.name}[" in drawn for service in SERVICES)
    assert all(f"{n} {stage.name}" in drawn for n, stage in enumerate(STAGES, 1))
    assert set(picture.OUTSIDE) < {service.name for service in SERVICES}


def test_the_events_page_has_every_message_with_its_subjects_and_comments() -> None:
    page = bus.page()
    for stage in STAGES:
        assert f"### `{stage.work.__name__}`" in page
        assert all(f"`{stage.subject(lane)}`" in page for lane in stage.lanes)
    for report in bus.reports():
        assert f"### `{report.__name__}`" in page
        assert f".{report.model_fields['type'].default}`" in page
    assert "When iCloud will forget it" in page


def test_no_message_is_left_out() -> None:
    named = {
        *bus.works(),
        *bus.reports(),
        *bus.PARTS,
        *bus.WORK_BASES,
        *bus.REPORT_BASES,
        Wire,
    }
    defined = {
        thing
        for module in (events, work_items, seen)
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, Wire)
        and thing.__module__.startswith("shared.domain.")
    }
    assert named == defined


def test_fields_are_those_of_the_models() -> None:
    every: tuple[type[Wire], ...] = (*bus.works(), *bus.reports(), *bus.PARTS)
    for model in every:
        parent = model.__mro__[1]
        assert issubclass(parent, Wire)
        inherited = {*parent.model_fields, "type"}
        own = {field.name for field in models.own_fields(model)}
        assert own == set(model.model_fields) - inherited


def test_every_legal_move_is_drawn_and_no_other() -> None:
    for machine, moves in MOVES.items():
        drawn = {line.strip() for line in states.diagram(machine).splitlines()[1:]}
        legal = {f"{old or '[*]'} --> {new}" for old, news in moves.items() for new in news} | {
            f"{old} --> [*]" for old, news in moves.items() if not news
        }
        assert drawn == legal


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    for link in links((ROOT / page).read_text()):
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).exists(), link


WRITTEN = ("docs/design.md", "docs/safety.md", "docs/testing.md")


@pytest.mark.parametrize("page", WRITTEN)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    defined = {
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in re.findall(r"def (test_\w+)\(", path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", (ROOT / page).read_text()))
    assert named - defined == set()


@pytest.mark.parametrize("page", WRITTEN)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = re.findall(
        r"`((?:shared|services|tests|simulators)/[\w/.]*)`", (ROOT / page).read_text()
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_safety_page_has_every_clause_and_objection_of_the_gate() -> None:
    page = (ROOT / "docs/safety.md").read_text()
    source = inspect.getsource(gate)
    clauses = set(re.findall(r"^def (\w+)\(", source, re.MULTILINE)) - {"standing", "days"}
    codes = set(re.findall(r'Reason\(\s*"([\w-]+)"', source))
    assert len(codes) > 20
    assert [name for name in (clauses | codes) if f"`{name}`" not in page] == []
