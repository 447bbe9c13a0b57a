"""A small library behind Apple's host names, and the two unmodified clients pointed at nothing but those names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from pyicloud import PyiCloudService

from simulators.library.make import generate
from tests.integration.icloud_sim import APPLE_ID, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from tests.integration.icloud_sim import Simulator

USER = "demoexamplecom"
"""How both clients call the account's files."""


def the_library(temporary: pytest.TempPathFactory) -> Path:
    """Return the library that all tests of a session share and none changes."""
    folder = temporary.getbasetemp() / "small-library"
    return folder if (folder / "library.json").exists() else _make_library(folder)


def _make_library(folder: Path) -> Path:
    """Make the small demo library, and give three of its photos an edit or a RAW, or both."""
    manifest = generate(folder, size="small")
    held = json.loads(manifest.read_text(encoding="utf-8"))
    edited, raw, both, *_ = held["assets"]
    for number, asset in enumerate((edited, both)):
        Image.effect_noise((320 + number, 240), 90).save(folder / f"files/edit{number}.jpg")
        asset["resources"]["edited"] = f"files/edit{number}.jpg"
    for number, asset in enumerate((raw, both)):
        (folder / f"files/raw{number}.dng").write_bytes(b"II*\0" + bytes([number]) * 90_000)
        asset["resources"]["alternate"] = f"files/raw{number}.dng"
    manifest.write_text(json.dumps(held), encoding="utf-8")
    return folder


@contextmanager
def signed_in(simulator: Simulator, cookies: Path) -> Iterator[Any]:
    """Sign an unmodified pyicloud in, with the code that the simulated devices show when one is wanted."""
    api = PyiCloudService(APPLE_ID, PASSWORD, cookie_directory=str(cookies))
    try:
        if api.requires_2fa:
            assert api.validate_2fa_code(simulator.code())
        yield api
    finally:
        api.session.close()


def hand_over(cookies: Path, session: Path) -> None:
    """Give pyicloud's stored session to icloudpd in its own form."""
    session.mkdir(mode=0o700)
    shutil.copy(cookies / f"{USER}.cookiejar", session / USER)
    (session / f"{USER}.session").write_text(json.dumps({"session_token": "not needed"}))


def icloudpd() -> str:
    """Return the unmodified program: the environment's, the one beside this Python, or the one on the PATH."""
    beside = Path(sys.executable).with_name("icloudpd")
    given = os.environ.get("PHOTODUCT_ICLOUDPD") or (str(beside) if beside.exists() else "")
    found = given or shutil.which("icloudpd")
    assert found, (
        "icloudpd is not installed (pip install icloudpd, or name it by PHOTODUCT_ICLOUDPD)"
    )
    return found


def run_icloudpd(session: Path, *arguments: str) -> str:
    """Run it with a stored session and no password; return what it says."""
    command = [icloudpd(), "--no-progress-bar", "--password-provider", "parameter"]
    command += ["--username", APPLE_ID, "--cookie-directory", str(session), *arguments]
    ran = subprocess.run(
        command,
        env={**os.environ, "HOME": str(session), "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=True,
    )
    return ran.stdout


def digests(truth: Mapping[str, Any], *roles: str) -> list[str]:
    """Return the SHA-256 of every visible asset's files of these roles, sorted."""
    return sorted(
        resource["sha256"]
        for asset in truth["assets"].values()
        for role, resource in asset["resources"].items()
        if role in roles and not asset["hidden"]
    )
