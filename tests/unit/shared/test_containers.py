"""The containers' files: every setting is explained in .env.example with its default, and what has no limit can be had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = ("docker-compose.yml", "deploy/compose.bus.yml", "deploy/compose.worker.yml")
SETTING = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
EXPLAINED = re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
DEMO = ("PHOTODUCT_DEMO", "DEMO_")
NO_DEFAULT = {"STATE_DATABASE_URL"}
"""Empty by default: what stands there is how the other choice is written."""


@pytest.mark.parametrize("file", FILES)
def test_every_setting_is_explained_with_its_default(file: str) -> None:
    used = [
        one for one in SETTING.findall((ROOT / file).read_text()) if not one[0].startswith(DEMO)
    ]
    assert used
    for name, kind, default in used:
        assert name in dict(EXPLAINED), name
        if kind == "-" and name not in NO_DEFAULT:
            plain = default.replace("sqlite:////data/media.db", "")
            assert (name, plain) in EXPLAINED, f"{name} is {default}"


def test_nothing_is_explained_that_there_is_not() -> None:
    used = {name for file in FILES for name, *_ in SETTING.findall((ROOT / file).read_text())}
    compose = {"COMPOSE_PROFILES", "COMPOSE_FILE"}
    assert {name for name, _ in EXPLAINED} <= used | compose


def test_every_limit_of_cores_can_be_lifted() -> None:
    """A kernel without quotas refuses any."""
    limits = re.findall(
        r"^\s+cpus: (.+)$", "".join((ROOT / f).read_text() for f in FILES), re.MULTILINE
    )
    assert limits
    assert all(SETTING.fullmatch(one) for one in limits)
