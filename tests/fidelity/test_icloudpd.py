"""The unmodified icloudpd program lists and downloads a library from the simulated iCloud, by Apple's own host names."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fidelity.apple_hosts import World, apple
from tests.fidelity.scene import (
    USER,
    digests,
    hand_over,
    run_icloudpd,
    signed_in,
    the_library,
)
from tests.integration.icloud_sim import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = ("--size", "original", "--size", "adjusted", "--size", "alternative")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return the_library(tmp_path_factory)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("icloudpd")


@pytest.fixture(scope="module")
def world(library: Path, place: Path) -> Iterator[World]:
    with apple(library, place / "run") as world:
        yield world


@pytest.fixture(scope="module")
def session(world: World, place: Path) -> Path:
    return stored_session(world, place)


def stored_session(world: World, folder: Path) -> Path:
    def sign_in() -> None:
        with signed_in(world.simulator, folder / "cookies"):
            pass

    world.do(sign_in)
    hand_over(folder / "cookies", folder / "session")
    return folder / "session"


def found(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def test_it_lists_the_library_and_its_albums(world: World, session: Path) -> None:
    said = world.do(lambda: run_icloudpd(session, "--list-libraries"))
    assert "PrimarySync" in said.splitlines()
    said = world.do(lambda: run_icloudpd(session, "--list-albums"))
    assert {"Kids", "Summer"} <= set(said.splitlines())


def test_it_downloads_every_file_and_then_nothing(
    world: World, session: Path, tmp_path: Path
) -> None:
    def download() -> str:
        return run_icloudpd(session, "--directory", str(tmp_path / "out"), *SIZES)

    first = world.do(download)
    truth = world.do(world.simulator.truth)
    everything = digests(truth, "original", "live", "edited", "alternate")
    assert len(everything) == 17  # 12 originals, a Live Photo's movie, 2 edits, 2 RAWs
    assert found(tmp_path / "out") == everything
    assert "All photos and videos have been downloaded" in first
    second = world.do(download)
    assert "All photos and videos have been downloaded" in second
    assert "INFO     Downloaded" not in second
    assert world.do(world.simulator.truth)["requests"]["download"] == len(everything)


def test_it_signs_in_by_password_where_it_is_trusted(
    world: World, session: Path, tmp_path: Path
) -> None:
    kept = json.loads((session.parent / "cookies" / f"{USER}.session").read_text())
    (tmp_path / "session").mkdir()
    trust = json.dumps({"trust_token": kept["trust_token"]})
    (tmp_path / "session" / f"{USER}.session").write_text(trust)

    def sign_in(password: str) -> str:
        return run_icloudpd(tmp_path / "session", "--password", password, "--list-libraries")

    assert "PrimarySync" in world.do(lambda: sign_in(PASSWORD)).splitlines()
    assert (tmp_path / "session" / USER).exists()  # its own cookies, made by its own sign-in
    (tmp_path / "session" / USER).unlink()
    (tmp_path / "session" / f"{USER}.session").write_text(trust)
    assert "Invalid email/password" in world.do(lambda: sign_in("wrong"))


def test_a_session_that_has_ended_is_noticed(world: World, tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / f"{USER}.session").write_text('{"session_token": "not needed"}')
    with pytest.raises(subprocess.CalledProcessError) as told:
        world.do(lambda: run_icloudpd(tmp_path / "session", "--list-albums"))
    assert "Authentication required for Account. (421)" in told.value.stdout


def test_a_proxy_leads_there_too_where_namespaces_are_forbidden(
    library: Path, tmp_path: Path
) -> None:
    with apple(library, tmp_path / "run", proxied=True) as world:
        session = stored_session(world, tmp_path)
        out = ("--directory", str(tmp_path / "out"), "--recent", "2")
        assert "have been downloaded" in world.do(lambda: run_icloudpd(session, *out))
        assert len(found(tmp_path / "out")) >= 2
