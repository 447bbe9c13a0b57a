"""The containers' files: every setting is explained with its default, and every container, started by a test or not, has its walls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.domain.pipeline import SERVICES, STATE

ROOT = Path(__file__).parents[3]
FILES = ("docker-compose.yml", "deploy/compose.bus.yml", "deploy/compose.worker.yml")
SETTING = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
EXPLAINED = re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
DEMO = ("PHOTODUCT_DEMO", "DEMO_")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
WORKER = yaml.safe_load((ROOT / "deploy/compose.worker.yml").read_text())
CONTAINERS = [*COMPOSE["services"].items(), *WORKER["services"].items()]
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


@pytest.mark.parametrize(("name", "container"), CONTAINERS, ids=lambda one: str(one)[:20])
def test_every_container_has_its_walls(name: str, container: dict[str, Any]) -> None:
    """Those of profiles, too, that no test starts."""
    assert container["user"] == (
        "postgres" if name == "postgres" else "${PUID:-1000}:${PGID:-1000}"
    )
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["cpus"]
    assert container["pids_limit"]
    assert "privileged" not in container
    for port in container.get("ports", ()):
        assert re.match(r"127\.0\.0\.1:|\$\{\w+:-127\.0\.0\.1\}:", port), port


def test_nobody_reaches_the_internet_who_need_not() -> None:
    inside = {name for name, one in COMPOSE["networks"].items() if one.get("internal")}
    assert inside == {"bus", "books", "phone"}
    product = {
        name: one for name, one in COMPOSE["services"].items() if not name.startswith("demo-")
    }
    abroad = {name for name, one in product.items() if set(one.get("networks", ())) - inside}
    assert abroad == {"downloader", "icloud_cleanup", "syncthing", "prometheus", "grafana"}
    assert all(one.get("networks") or one.get("network_mode") for one in product.values())


def test_only_the_compressor_carries_ffmpeg() -> None:
    carry = {
        name
        for name in (*(one.name for one in SERVICES), STATE.name, "cli")
        if "imageio-ffmpeg==" in (ROOT / f"requirements/{name}.txt").read_text()
    }
    assert carry == {"compressor"}
