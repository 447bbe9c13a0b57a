"""The command line against a running photoduct: every question is answered, every stage runs by hand, no secret shows."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.pipeline import SERVICES
from simulators.demo.progress import Watched
from tests.e2e.rig import small_library, stage_set, watch_from_outside
from tests.e2e.tree import up
from tests.process_tree import descendants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.demo.scene import Scene

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
REFUSED = 3
KEPT_FOR_SECRETS = ("secrets", "nats.conf", "apple-password", "session", "config.yaml")
"""Files whose purpose is to hold a secret; each must be closed to others."""


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, list[bytes]]]:
    """A running photoduct that has done all it can, and what /proc showed of it meanwhile."""
    library = small_library(tmp_path_factory.mktemp("library"))
    with stage_set(tmp_path_factory.mktemp("live"), library) as here, up(here) as program:
        seen: set[bytes] = set()
        asyncio.run(watch_from_outside(here, lambda _: seen.update(shown(program.pid)), Watched()))
        yield here, sorted(seen)


def shown(pid: int) -> Iterator[bytes]:
    """Yield what everybody on the machine can see of a process and its descendants."""
    for one in (pid, *descendants(pid)):
        try:
            yield Path(f"/proc/{one}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def photoduct(here: Scene, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.cli", "--config", str(here.folders.config), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("status", "Totals"),
        ("media", "IMG_"),
        ("pending", "10 are deleted already."),
        ("failures", "Quarantine"),
    ],
)
def test_a_question_is_answered(
    rested: tuple[Scene, list[bytes]], question: str, part: str
) -> None:
    done = photoduct(rested[0], question)
    assert done.returncode == 0, done.stderr
    assert part in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_each_service_can_be_told_to_look_now(
    rested: tuple[Scene, list[bytes]], service: str
) -> None:
    done = photoduct(rested[0], "run", service)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{service} was told")


def test_a_service_that_does_not_exist_is_one_sentence(rested: tuple[Scene, list[bytes]]) -> None:
    done = photoduct(rested[0], "run", "uploader")
    assert done.returncode in {2, REFUSED}
    assert "Traceback" not in done.stderr
    assert "uploader" in done.stderr


def test_a_second_start_on_the_same_data_is_refused(rested: tuple[Scene, list[bytes]]) -> None:
    done = photoduct(rested[0], "up")
    assert done.returncode == REFUSED
    assert done.stderr.splitlines() == [
        f"photoduct runs already on {rested[0].folders.data}; stop it first."
    ]


def test_no_secret_shows_anywhere(rested: tuple[Scene, list[bytes]]) -> None:
    here, seen = rested
    answers = [photoduct(here, word).stdout.encode() for word in ("status", "media", "pending")]
    assert len(seen) >= 1 + len(SERVICES)
    places = {**written(here), "/proc/*/cmdline": b"\n".join(seen), "answers": b"\n".join(answers)}
    for name, secret in secrets_of(here).items():
        assert len(secret) >= 8, name
        leaks = [place for place, text in places.items() if secret in text]
        assert leaks == [], f"{name} is shown"


def secrets_of(here: Scene) -> dict[str, bytes]:
    root = here.folders.root
    found = {file.name: file.read_bytes().strip() for file in (root / "data/secrets").iterdir()}
    found["the Apple password"] = (root / "icloud/apple-password").read_bytes().strip()
    found["Syncthing's key"] = here.phone.told.api_key.encode()
    return found


def written(here: Scene) -> dict[str, bytes]:
    """Return every file of the product that is not there to hold a secret: logs, books, the bus's own store."""
    root = here.folders.root
    found = {"up.log": (root / "up.log").read_bytes()}
    for folder in ("data", "media", "nas"):
        for file in (root / folder).rglob("*"):
            if file.is_file() and not set(file.parts) & set(KEPT_FOR_SECRETS):
                with suppress(FileNotFoundError):  # it has just got its final name, or gone
                    found[str(file.relative_to(root))] = file.read_bytes()
    return found


def test_what_holds_secrets_is_closed_to_others(rested: tuple[Scene, list[bytes]]) -> None:
    data = rested[0].folders.data
    private = [data / "nats.conf", *(data / "secrets").iterdir()]
    private += [file for file in (data / "session").rglob("*") if file.is_file()]
    assert [file for file in private if file.stat().st_mode & 0o077] == []


def test_the_books_are_backed_up_while_they_are_in_use_and_not_replaced(
    rested: tuple[Scene, list[bytes]], tmp_path: Path
) -> None:
    here = rested[0]
    made = photoduct(here, "backup")
    assert made.returncode == 0, made.stderr
    file = tmp_path / "mine.db"
    assert photoduct(here, "state", "export", str(file)).returncode == 0
    with closing(sqlite3.connect(file)) as books:
        assert books.execute("SELECT count(*) FROM media").fetchone()[0] > 0
    again = photoduct(here, "state", "export", str(file))
    assert again.returncode == REFUSED
    assert "exists already" in again.stderr
    for order in (
        ("restore", str(file)),
        ("migrate", "--to", "postgresql+psycopg://a@127.0.0.1:1/b"),
    ):
        refused = photoduct(here, "state", *order)
        assert refused.returncode == REFUSED
        assert "in use" in refused.stderr
