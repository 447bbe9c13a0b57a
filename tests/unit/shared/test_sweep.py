"""What killed processes leave is removed; what a living one could own, and every other file, stays."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from services.downloader.library import Library
from services.downloader.partial import Partial
from services.nas_sync.nas import Nas, init_archive
from services.nas_sync.ports import NasMissing
from shared.adapters import sweeping
from shared.adapters.publishing import publish
from shared.adapters.sweeping import Swept, sweep_tree
from shared.runtime.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400.0
DEAD = ".photoduct-0123456789abcdef.part"
KILLED = """
import os, signal, sys
from pathlib import Path
from shared.adapters.publishing import publish
def bytes_until_killed():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)
publish(bytes_until_killed(), Path(sys.argv[1]))
"""


def later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let the disks' clocks show a later time: no program can make a file old by ctime."""
    monkeypatch.setattr(sweeping, "_now_of", lambda _folder: time.time() + days * DAY)


def below(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if not path.is_dir())
    return sorted(str(path.relative_to(root)) for path in found)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    return path


def test_what_a_killed_publish_left_is_removed_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "2024" / "05" / "a.jpg"
    subprocess.run([sys.executable, "-c", KILLED, str(target)], cwd=Path.cwd(), check=False)
    (left,) = below(tmp_path)
    assert left.startswith("2024/05/.photoduct-")
    assert sweep_tree(tmp_path) == Swept()
    assert below(tmp_path) == [left]
    later(monkeypatch, 1.01)
    assert sweep_tree(tmp_path) == Swept(files=1, size=4)
    assert below(tmp_path) == []


def test_a_living_publish_keeps_its_file_however_old_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 400)
    swept = []

    def photo() -> Iterator[bytes]:
        yield b"half"
        swept.append(sweep_tree(tmp_path))
        yield b"rest"

    publish(photo(), tmp_path / "a.jpg")
    assert swept == [Swept()]
    assert (tmp_path / "a.jpg").read_bytes() == b"halfrest"


def test_no_other_file_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 400)
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    stays = [
        ".photoduct-archive",
        ".photoduct-0123456789abcdef0123456789abcdef.exchange",
        "a/.photoduct-0123456789ABCDEF.part",
        "a/.photoduct-0123.part",
        "a/IMG_0001.part",
        f"a/{DEAD}.jpg",
        f".snapshot/{DEAD}",
        f"@eaDir/{DEAD}",
        f"#recycle/{DEAD}",
    ]
    for name in [*stays, f"a/b/{DEAD}", f".originals/2024/{DEAD}"]:
        write(root / name)
    (root / "linked").symlink_to(write(elsewhere / DEAD).parent)
    (root / "a" / ".photoduct-fedcba9876543210.part").symlink_to(elsewhere / DEAD)
    (root / "b" / DEAD).mkdir(parents=True)
    assert sweep_tree(root, own=frozenset({".originals"})) == Swept(files=2, size=10)
    assert below(root) == sorted([*stays, "a/.photoduct-fedcba9876543210.part"])
    assert (root / "linked").is_symlink()
    assert (elsewhere / DEAD).read_bytes() == b"12345"


def test_a_second_name_of_published_bytes_goes_and_the_bytes_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.link(write(tmp_path / "a.jpg"), tmp_path / DEAD)  # killed between link and unlink
    later(monkeypatch, 2)
    assert sweep_tree(tmp_path) == Swept(files=1, size=0)
    assert (tmp_path / "a.jpg").read_bytes() == b"12345"


def test_partial_downloads_stay_for_a_month_and_while_they_are_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("7.part", "8.part", "x.part", "icloudpd/9.part"):
        write(tmp_path / "incoming" / name)
    write(tmp_path / "backup" / "2024" / "05" / DEAD)
    library = Library(tmp_path, free_space_floor=0)
    later(monkeypatch, 29)
    assert library.sweep() == Swept(files=1, size=5)
    later(monkeypatch, 31)
    partial = Partial(tmp_path / "incoming" / "8.part", 100)
    partial.open()
    try:
        assert library.sweep() == Swept(files=1, size=5)
    finally:
        partial.close()
    assert below(tmp_path) == [
        f"incoming/{name}" for name in ("8.part", "icloudpd/9.part", "x.part")
    ]


def test_the_archive_is_swept_where_it_is_mounted_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "2024" / DEAD)
    later(monkeypatch, 2)
    with pytest.raises(NasMissing):
        Nas(tmp_path).sweep()
    assert below(tmp_path) == [f"2024/{DEAD}"]
    init_archive(tmp_path)
    assert Nas(tmp_path).sweep() == Swept(files=1, size=5)


def test_the_age_is_the_disks_own_and_looking_at_it_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / DEAD)
    assert sweep_tree(tmp_path, older=60) == Swept()
    assert sweep_tree(tmp_path, older=-60) == Swept(files=1, size=5)
    assert below(tmp_path) == []


def test_a_sweep_is_told_once_with_its_counts_and_not_when_there_was_nothing() -> None:
    found = [Swept(files=3, size=12), Swept()]
    sweep = Sweep(lambda: found.pop(0))
    with capture_logs() as said:
        asyncio.run(sweep())
        asyncio.run(sweep())
    assert [(line["files"], line["bytes"]) for line in said] == [(3, 12)]
