"""What `photoduct` says to a person: `config check` sees what `up` refuses, help names the program, silence is one sentence."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.cli.asking import Operator, Unknown
from shared.domain import questions
from tests.integration.test_cli_doors import DOORS, Home, home, refused

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.integration
__all__ = ("home",)  # the fixture
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("harm", "status", "sentence"), DOORS, ids=[door[0].__name__ for door in DOORS]
)
def test_the_check_refuses_what_up_refuses(
    harm: Callable[[Home], None], status: int, sentence: str, home: Home
) -> None:
    harm(home)
    before = home.listing()
    refused(home.run("config", "check"), status, sentence)
    assert home.listing() == before


def no_key(home: Home) -> None:
    home.change("pixel_sync", api_key=None)


def console(home: Home) -> None:
    home.change("console", port=1)


def relative_nas(home: Home) -> None:
    home.change("nas", root="nas")


def relative_session(home: Home) -> None:
    home.change("icloud", session_dir="session")


def config_is_a_folder(home: Home) -> None:
    home.config.unlink()
    home.config.mkdir()


def config_is_a_list(home: Home) -> None:
    home.config.write_text("- library\n")


HARMS: tuple[tuple[Callable[[Home], None], str], ...] = (
    (no_key, "pixel_sync.api_key: is missing"),
    (console, "config.yaml: console: there is no such setting"),
    (relative_nas, "config.yaml: nas.root: expected a path from the root such as /mnt/photos"),
    (relative_session, "icloud.session_dir: expected a path from the root"),
    (config_is_a_folder, "is a folder; expected a file of settings"),
    (config_is_a_list, "config.yaml: expected sections such as `library:`, got a list"),
)


@pytest.mark.parametrize(("harm", "sentence"), HARMS, ids=[harm[0].__name__ for harm in HARMS])
@pytest.mark.parametrize("command", [("config", "check"), ("up",)], ids=["check", "up"])
def test_wrong_settings_are_named(
    command: tuple[str, ...], harm: Callable[[Home], None], sentence: str, home: Home
) -> None:
    harm(home)
    refused(home.run(*command), 2, sentence)


def test_all_that_is_missing_is_named_at_once(home: Home) -> None:
    (home.root / "library").rmdir()
    home.change("nas", root=str(home.root / "elsewhere"))
    done = home.run("config", "check")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "library.root", "nas.root",
    ]  # fmt: skip


def test_good_settings_pass(home: Home) -> None:
    done = home.run("config", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "every setting is in order" in " ".join(done.stdout.split())


def test_a_question_to_a_stopped_photoduct_is_one_sentence(home: Home) -> None:
    (home.root / "data/secrets").mkdir()
    (home.root / "data/secrets/operator").write_text("password")
    url = home.settings()["nats"]["url"]
    refused(home.run("status"), 3, f"Nobody answers at {url}: is photoduct running?")


def photoduct(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.cli", *arguments], cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip


def test_help_names_the_program_and_the_demos_options() -> None:
    assert "Usage: photoduct [OPTIONS]" in photoduct("--help").stdout
    assert "photoduct run --help" in photoduct("run").stderr
    said = photoduct("demo", "--help").stdout
    for option in ("--photos", "--dir", "--size", "--deadline", "--phone"):
        assert option in said


class Bus:
    """A state service that knows one asset."""

    def __init__(self) -> None:
        self.orders: list[questions.Order] = []

    async def ask(self, name: str, question: Any, _answer: Any, within: float = 0) -> Any:
        del within
        if name == "media":
            known = question.asset == "KNOWN" and question.after == 0
            return questions.Rows(rows=({"id": 1},) if known else ())
        self.orders.append(question)
        return questions.Ordered(changed=1)


@pytest.mark.parametrize("order", ["veto", "approve", "retry", "confirm_freed"])
def test_an_unknown_id_changes_nothing(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bus, one = Bus(), Operator(None)
    monkeypatch.setattr(one, "ask", bus.ask)
    with pytest.raises(Unknown, match="no asset NOSUCH; nothing was changed"):
        asyncio.run(one.order(order, questions.Order(assets=("KNOWN", "NOSUCH"))))
    assert bus.orders == []
    assert asyncio.run(one.order(order, questions.Order(assets=("KNOWN",)))) == 1
