"""The demo holds its folder alone, refuses with one sentence, and leaves no process behind when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulators.demo.configuration import Folders
from simulators.demo.folder import MARK, Refused, check_apart, claimed, fresh_folder, give_home

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
REFUSED, STOPPED = 2, 130


def command(root: Path, *arguments: str) -> list[str]:
    options = ("--dir", str(root), "--size", "small", "--phone", "standin")
    return [sys.executable, "-m", "simulators.demo", *options, *arguments]


def demo(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(root, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@contextmanager
def started(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a demo in a session of its own, like one in a terminal; kill it at the end."""
    process = subprocess.Popen(
        command(root), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(wanted: Path) -> None:
    deadline = time.monotonic() + 60
    while not wanted.exists():
        assert time.monotonic() < deadline, wanted
        time.sleep(0.02)


def using(root: Path) -> list[str]:
    """Return the command lines of every process that names the folder, or works with its settings."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        except OSError:
            continue
        if str(root).encode() in words and int(place.name) != os.getpid():
            found.append((place / "cmdline").read_text())
    return found


def left(root: Path) -> list[str]:
    """Return what still uses the folder; what was only just born ends as soon as it asks for its parent."""
    deadline = time.monotonic() + 20
    while (found := using(root)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["library", "icloud/icloud.log", "data/logs/compressor.log"])
def test_a_stopped_demo_says_so_and_leaves_nothing_running(
    moment: str, number: signal.Signals, tmp_path: Path
) -> None:
    root = tmp_path / "demo"
    with started(root) as process:
        until(root / moment)
        process.send_signal(number)
        process.send_signal(number)  # closing a terminal sends it twice
        _, said = process.communicate(timeout=40)
    assert said == "Stopped; run it again to start over.\n"
    assert process.returncode == STOPPED
    assert left(root) == []


def test_a_second_demo_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    with started(root) as first:
        until(root / "icloud/icloud.log")
        second = demo(root)
        assert second.returncode == REFUSED
        assert second.stderr == (
            f"A demo runs already in {root} (process {first.pid}); "
            "stop it, or choose another with --dir.\n"
        )
        assert second.stdout == ""
        until(root / "data/logs/compressor.log")
        assert first.poll() is None


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "demo")
    with claimed(folders):
        fresh_folder(folders)
        with pytest.raises(Refused, match=f"process {os.getpid()}"), claimed(folders):
            pass
    with claimed(folders):
        fresh_folder(folders)
    assert (folders.root / MARK).read_text() == f"{os.getpid()}\n"


def test_a_fresh_folder_is_empty_and_links_are_not_followed(tmp_path: Path) -> None:
    folders, mine = Folders(tmp_path / "demo"), tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.jpg").touch()
    fresh_folder(folders)
    (folders.root / "link").symlink_to(mine)
    (folders.data / "old").touch()
    fresh_folder(folders)
    assert list(folders.data.iterdir()) == []
    assert not (folders.root / "link").is_symlink()
    assert (mine / "photo.jpg").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = demo(tmp_path / "file" / "demo")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert len(done.stderr.splitlines()) == 1
    assert "choose another folder with --dir" in done.stderr


@pytest.mark.parametrize(("root", "photos"), [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_photos_and_the_demos_folder_may_not_overlap(
    root: str, photos: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="overlap"):
        check_apart(tmp_path / root, tmp_path / photos)
    check_apart(tmp_path / "ab", tmp_path / "a")


def test_programs_get_a_home_only_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    give_home(Folders(tmp_path))
    assert os.environ["HOME"] == "/somewhere"
    monkeypatch.delenv("HOME")
    give_home(Folders(tmp_path))
    assert Path(os.environ["HOME"]) == tmp_path / "home"
    assert (tmp_path / "home").is_dir()
