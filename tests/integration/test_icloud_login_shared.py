"""Several programs on one stored session: one renews and the others take it over; a kill at any moment leaves it whole."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.icloud_signin import life_of, login, resume
from tests.integration.icloud_setup import Cloud, cloud
from tests.integration.icloud_sim import PASSWORD, REPOSITORY
from tests.integration.test_icloud_login import counted

PROGRAMS = 3
ROUNDS = 20
DELAYS = (0.0, 0.013, 0.031, 0.047, 0.062, 0.088, 0.111, 0.14)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("apple")) as running:
        yield running


def start(place: Cloud, what: str) -> "subprocess.Popen[str]":
    settings = place.root.parent / "settings.json"
    settings.write_text(place.settings.model_dump_json())
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.login_child", what, str(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def test_cookies_that_die_for_all_are_renewed_by_one_and_taken_over_by_the_others(
    place: Cloud,
) -> None:
    with ExitStack() as stack:
        programs = [stack.enter_context(start(place, "ask")) for _ in range(PROGRAMS)]
        seen = set()
        for number in range(ROUNDS + 1):
            before = counted(place, "account_logins")
            for program in programs:
                go(program)
            generations = {line(program) for program in programs}
            assert len(generations) == 1, generations
            seen |= generations
            assert counted(place, "account_logins") == before + (number > 0)
            place.simulator.act("account", expire_cookies=True)
        assert len(seen) == ROUNDS + 1
        for program in programs:
            assert program.stdin
            program.stdin.close()
            assert program.wait(10) == 0


def test_a_kill_at_any_moment_of_a_renewal_leaves_a_session_that_can_be_used(place: Cloud) -> None:
    for after in DELAYS:
        with start(place, "renew") as program:
            line(program)
            time.sleep(after)
            program.kill()
        assert resume(place.settings, stale=None).cookies
        assert resume(place.settings, stale=resume(place.settings).generation).cookies
    folder = place.settings.session_dir
    assert [path.name for path in folder.iterdir() if path.suffix == ".new"] == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_sign_in_while_others_renew_is_what_stays(place: Cloud) -> None:
    with start(place, "renew") as program:
        line(program)
        login(place.settings, PASSWORD, place.simulator.code)
        made = life_of(place.settings)
        line(program)
        program.kill()
    later = life_of(place.settings)
    assert made is not None
    assert later is not None
    assert later.made_at == made.made_at


def test_what_a_crash_left_half_written_is_no_session_and_no_trouble(
    place: Cloud, tmp_path: Path
) -> None:
    folder = place.settings.session_dir
    facts = folder / "session.json"
    good: dict[str, Any] = json.loads(facts.read_text())
    facts.write_text(facts.read_text()[:50])
    (folder / "session.json.12.new").write_text("half")
    found = resume(place.settings)  # the tokens are whole: renewed by them
    assert found.generation != good["generation"]
    assert not (folder / "session.json.12.new").exists()
