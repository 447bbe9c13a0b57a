"""The demo from its command line: the whole own library, a person's own photos, and that its proof can fail."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulators.demo.progress import Watched
from simulators.demo.proof import fingerprint, gone, google_holds, nas_holds, sha256_of
from simulators.demo.scene import plants
from tests.e2e.rig import proven, small_library, stage_set, work_until_rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulators.demo.scene import Scene

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
DAMAGED = ("broken.jpg", "truncated.jpg", "empty.jpg", "notes.txt")


def demo(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulators.demo", "--dir", str(root), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=580, check=False,
        env={**os.environ, "COLUMNS": "250"},
    )  # fmt: skip


def cells(said: str) -> list[list[str]]:
    """Return the rows of every printed table."""
    lines = [line for line in said.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def number(said: str, name: str) -> int:
    return next(int(row[1]) for row in cells(said) if row[0] == name)


def kept(said: str) -> dict[str, tuple[str, str]]:
    """Return the plant and the reasons of each asset in the table of what stays."""
    table = said[said.index("What stays in iCloud") :]
    return {row[0]: (row[1], row[2]) for row in cells(table) if len(row) == 3}


def real_syncthing() -> bool:
    return shutil.which("syncthing") is not None


@pytest.mark.skipif(
    not real_syncthing() and not os.environ.get("PHOTODUCT_REQUIRE_REAL"),
    reason="the `syncthing` program is not installed",
)
def test_the_whole_library_goes_through_a_real_syncthing_pair(tmp_path: Path) -> None:
    done = demo(tmp_path / "demo", "--phone", "real")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "demo/phone-run/phone.json").read_text())
    assert told["mode"] == "real"
    said = done.stdout
    assert "Nothing is missing: the proof holds." in said
    assert number(said, "assets") >= 60
    assert number(said, "deleted from iCloud") >= 40
    planted = plants(tmp_path / "demo/library")
    assert len(planted) == 6
    assert number(said, "in quarantine") == list(planted.values()).count("unreadable")
    stays = kept(said)
    assert Counter(plant for plant, _ in stays.values()) == Counter(planted.values())
    assert all(reasons for _, reasons in stays.values())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A person's folder: good photos and films, also in a folder below, and four files that are none."""
    made, folder = small_library(tmp_path / "made") / "files", tmp_path / "photos"
    (folder / "Summer 2019").mkdir(parents=True)
    for file in sorted(made.iterdir()):
        if file.suffix != ".tif":
            shutil.copy2(file, folder / ("Summer 2019" if "plain" in file.name else "") / file.name)
    good = next(made.glob("plain*.jpg")).read_bytes()
    (folder / "broken.jpg").write_bytes(random.Random(1).randbytes(4_000))  # noqa: S311
    (folder / "truncated.jpg").write_bytes(good[: len(good) // 3])
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("bread, milk\n")
    return folder


def test_own_photos_are_left_alone_and_damaged_ones_stay_in_icloud(
    photos: Path, tmp_path: Path
) -> None:
    before, dates = fingerprint(photos), mtimes(photos)
    done = demo(tmp_path / "demo", "--photos", str(photos), "--phone", "standin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert fingerprint(photos) == before
    assert mtimes(photos) == dates
    stays = kept(done.stdout)
    assert set(stays) == set(DAMAGED)
    assert "cannot be decoded" in stays["broken.jpg"][1]
    assert "cannot be decoded" in stays["truncated.jpg"][1]
    assert all(reasons for _, reasons in stays.values())
    everything = len(before) - 1  # the halves of the one Live Photo are one asset
    assert number(done.stdout, "assets") == everything
    assert number(done.stdout, "deleted from iCloud") == everything - len(DAMAGED)


def mtimes(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("name", ["file.jpg", ".hidden"])
def test_a_folder_that_is_no_demos_is_refused_and_kept(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    done = demo(tmp_path, "--size", "small")
    assert done.returncode != 0
    assert "is not empty and not a demo's folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    library = small_library(tmp_path_factory.mktemp("library"))
    with stage_set(tmp_path_factory.mktemp("rested"), library) as here:
        watched = Watched()
        asyncio.run(work_until_rest(here, watched))
        proven(here, watched)
        yield here


def single(here: Scene) -> Mapping[str, Any]:
    """Return a deleted asset of one file, whose bytes no other asset has."""
    truth = here.apple.truth()
    uses = Counter(one["sha256"] for asset in truth.values() for one in asset["resources"].values())
    return next(
        asset
        for asset in truth.values()
        if gone(asset) and set(asset["resources"]) == {"original"} and uses[sha(asset)] == 1
    )


def sha(asset: Mapping[str, Any]) -> str:
    return str(asset["resources"]["original"]["sha256"])


def with_bytes(folder: Path, sha256: str) -> Path:
    found = [file for file in folder.rglob("*") if file.is_file() and sha256_of(file) == sha256]
    assert len(found) == 1
    return found[0]


def test_the_proof_names_what_google_lost(rested: Scene) -> None:
    asset = single(rested)
    lost = with_bytes(rested.folders.google / "objects", sha(asset))
    kept_bytes = lost.read_bytes()
    lost.unlink()
    assert sha(asset) not in google_holds(rested.folders.google)
    wrong = rested.judge().wrong
    lost.write_bytes(kept_bytes)
    assert wrong == [f"{asset['filename']!r} is gone from iCloud and its original is not at Google"]
    assert rested.judge().wrong == []


def test_the_proof_names_what_one_flipped_bit_spoiled_on_the_nas(rested: Scene) -> None:
    asset = single(rested)
    spoiled = with_bytes(rested.folders.nas, sha(asset))
    whole = spoiled.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    spoiled.write_bytes(flipped)
    assert sha(asset) not in nas_holds(rested.folders.nas)
    wrong = rested.judge().wrong
    spoiled.write_bytes(whole)
    assert wrong == [
        f"{asset['filename']!r} is gone from iCloud and its original is not on the NAS in its original bytes"
    ]
    assert rested.judge().wrong == []


def test_the_proof_names_what_should_have_stayed(rested: Scene) -> None:
    """The manifest is what the library's maker expects; it says otherwise here."""
    asset = single(rested)
    key = next(key for key, one in rested.apple.truth().items() if one == asset)
    manifest = rested.library / "library.json"
    text = manifest.read_text()
    made = json.loads(text)
    next(one for one in made["assets"] if one["id"] == key)["expect"] = "kept"
    manifest.write_text(json.dumps(made))
    wrong = rested.judge().wrong
    manifest.write_text(text)
    assert wrong == [f"{asset['filename']!r} is gone from iCloud but should be kept"]
