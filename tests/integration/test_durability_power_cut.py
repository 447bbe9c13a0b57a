"""A real power cut on a real ext4: what was reported done is there afterwards, and the mutants without fsync lose it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_durability import (
    CHILD,
    ORIGINAL,
    RENDITION_SHA,
    REPOSITORY,
    SHA,
    final,
)

if TYPE_CHECKING:
    from pathlib import Path

CUT = """
import fcntl, hashlib, json, os, struct, subprocess, sys
from pathlib import Path
from tests.integration.test_durability import set_up
folder, action, *child = sys.argv[1:]
image, mount = Path(folder) / "image", Path(folder) / "mount"
mount.mkdir()
with image.open("wb") as file:
    file.truncate(16 << 20)
def run(*command):
    return subprocess.run(command, check=True, capture_output=True)
run("mkfs.ext4", "-q", str(image))
run("mount", "-o", "loop", str(image), str(mount))
try:
    set_up(mount / "root", action)
    os.sync()
    code = subprocess.run(child, capture_output=True).returncode
    fd = os.open(mount, os.O_RDONLY)
    fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 2))  # stop at once, without flushing the journal
    os.close(fd)
finally:
    run("umount", str(mount))
run("mount", "-o", "loop", str(image), str(mount))
found = {str(path.relative_to(mount / "root")): hashlib.sha256(path.read_bytes()).hexdigest()
         for path in (mount / "root").rglob("*") if path.is_file()}
run("umount", str(mount))
print(json.dumps([code, found]))
"""


def cut(folder: Path, action: str, *tracer: str) -> tuple[int, dict[str, str]]:
    """Do `action` on a fresh ext4, cut the power when it ends; return its exit code and name -> SHA-256 after it."""
    folder.mkdir()
    child = [*tracer, sys.executable, "-B", "-c", CHILD, str(folder / "mount" / "root"), action]
    driver = ["unshare", "-m", "--propagation", "private", sys.executable, "-B", "-c", CUT]
    done = subprocess.run(
        [*driver, str(folder), action, *child, SHA, RENDITION_SHA, str(len(ORIGINAL))],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    code, found = json.loads(done.stdout)
    return code, found


@cache
def why_not() -> str:
    if os.geteuid() != 0:
        return "only root can mount a disk to cut its power"
    probe = "losetup -f && command -v mkfs.ext4 strace && unshare -m --propagation private true"
    done = subprocess.run(["sh", "-c", probe], capture_output=True, check=False)
    return (
        ""
        if done.returncode == 0
        else "loop devices, mkfs.ext4, strace or unshare are missing here"
    )


@pytest.fixture(autouse=True)
def _real() -> None:
    if why_not() and os.environ.get("PHOTODUCT_REQUIRE_REAL") != "1":
        pytest.skip(why_not())


def hashes(action: str) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in final(action).items()}


@pytest.mark.parametrize("action", ["publish", "publish-link", "move", "exchange", "exchange-link"])
def test_what_was_reported_done_survives(tmp_path: Path, action: str) -> None:
    assert cut(tmp_path / "disk", action) == (0, hashes(action))


@pytest.mark.parametrize("action", ["publish-mutant-file", "publish-mutant-folder"])
def test_the_mutants_without_fsync_lose_it(tmp_path: Path, action: str) -> None:
    """The control: a test that could not fail would prove nothing."""
    code, found = cut(tmp_path / "disk", action)
    assert code == 0
    assert found.get("05/a") != SHA


@pytest.mark.parametrize(
    ("action", "call", "when"),
    [
        ("exchange", "renameat2", 1),  # before the swap
        ("exchange", "renameat2", 2),  # between swap and retreat
        ("exchange-link", "linkat", 1),
        ("exchange-link", "rename", 1),  # between second name and replacement
    ],
)
def test_a_cut_inside_an_exchange_keeps_the_original(
    tmp_path: Path, action: str, call: str, when: int
) -> None:
    inject = f"inject={call}:signal=KILL:when={when}"
    tracer = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    code, found = cut(tmp_path / "disk", action, *tracer)
    assert code != 0
    assert SHA in found.values()
    assert "a" in found
