"""docs/operations.md: the unit for systemd fits what photoduct's processes do, and lets them write where its settings say."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml

from shared.runtime import supervisor
from shared.runtime.service import FATAL, START_AGAIN, WRONG_SETTINGS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text()
STEPS = (ROOT / "docs/first-steps.md").read_text()


@pytest.fixture
def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # as its documentation says
    (text,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    parser.read_string(text)
    return parser["Service"]


def test_only_what_a_new_start_may_mend_is_started_anew(unit: configparser.SectionProxy) -> None:
    assert unit["Restart"] == "on-failure"
    kept = {int(status) for status in unit["RestartPreventExitStatus"].split()}
    assert kept == {WRONG_SETTINGS, FATAL}
    assert START_AGAIN not in kept


def test_the_services_end_before_their_bus_and_have_the_time_for_it(
    unit: configparser.SectionProxy,
) -> None:
    assert unit["KillMode"] == "mixed", "else all are told at once, the bus too"
    assert int(unit["TimeoutStopSec"]) > supervisor._SERVICES_S + supervisor._NATS_S + 5


def test_it_may_write_where_the_first_steps_put_things(unit: configparser.SectionProxy) -> None:
    assert unit["ProtectSystem"] == "strict"
    block = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", STEPS, re.DOTALL)[0])
    places = (
        *(block["data"], block["library"]["root"], block["nas"]["root"]),
        *(block["icloud"]["session_dir"], unit["WorkingDirectory"]),
    )
    writable = [Path(one) for one in unit["ReadWritePaths"].split()]
    for place in places:
        assert any(Path(place).is_relative_to(one) for one in writable), place
