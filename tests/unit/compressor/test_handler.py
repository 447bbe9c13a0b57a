"""What one delivery of work makes and reports; a rendition that was reported is never touched again."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from services.compressor.handler import Compress
from services.compressor.pool.figures import Figures
from services.compressor.pool.following import Following
from services.compressor.pool.leftovers import sweep, unfinished
from services.compressor.pool.turns import Turns
from services.compressor.stills import jxl
from services.compressor.tiers.profiles import BALANCED
from services.compressor.tiers.tier import Reversible, Tier
from shared.adapters import sweeping
from shared.adapters.sweeping import Swept
from shared.domain.events import Compressed, Left
from shared.domain.ids import Area, Kind, Resource
from shared.domain.work_items import FileRef, FileWork
from tests.unit.compressor.samples import jpeg
from tests.unit.downloader.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

NAME = "2015/05/a.jpg"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for area in ("backup/2015/05", "delete_pending/2015/05", "compress"):
        (tmp_path / area).mkdir(parents=True)
    jpeg(tmp_path / "backup" / NAME)
    return tmp_path


def work(library: Path, source: Path | None = None) -> FileWork:
    data = (source or library / "backup" / NAME).read_bytes()
    file = FileRef(
        media=7,
        resource=Resource.ORIGINAL,
        area=Area.BACKUP,
        path=NAME,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )
    return FileWork(
        stage="compress",
        key=7,
        attempt=1,
        asset="A1",
        created=FakeClock().now().replace(year=2015),
        file=file,
        filename="a.jpg",
        kind=Kind.PHOTO,
    )


async def made(
    library: Path, task: FileWork, tiers: tuple[Tier, ...] = BALANCED
) -> tuple[Compressed, Path]:
    (report,) = await Compress(library, tiers, {Kind.PHOTO: 60.0}, FakeClock(), Turns(1))(task)
    assert isinstance(report, Compressed)
    return report, library / "compress" / report.path


async def test_a_redelivered_job_leaves_the_rendition_that_was_reported(library: Path) -> None:
    task = work(library)
    first, path = await made(library, task)
    before = path.stat()
    second, other = await made(library, task)
    assert first.id == second.id
    assert path != other
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first.sha256
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert other.stat().st_size == second.size


async def test_a_file_that_an_album_task_moved_is_compressed_all_the_same(library: Path) -> None:
    task = work(library)
    (library / "backup" / NAME).rename(library / "delete_pending" / NAME)
    report, _ = await made(library, task)
    assert report.asset == "A1"
    assert report.score is not None
    assert 66 <= report.score <= 100
    assert (library / "delete_pending" / NAME).stat().st_size == task.file.size


async def test_a_rendition_of_another_form_is_reported_under_its_own_name(library: Path) -> None:
    tiers = (Tier("packed", None, jpeg=Reversible("jxl")),)
    report, path = await made(library, work(library), tiers)
    assert path.name.endswith(".jpg.jxl")
    assert jxl.unpack(path.read_bytes()) == (library / "backup" / NAME).read_bytes()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == report.sha256


async def test_what_it_read_and_made_is_counted(library: Path) -> None:
    registry = CollectorRegistry()
    task = work(library)
    following = Following(Figures(registry, (tier.name for tier in BALANCED)))
    read = {"kind": "photo", "tier": "heavy", "outcome": "compressed"}
    value, made = registry.get_sample_value, {"kind": "photo", "tier": "heavy"}
    assert value("photoduct_compressor_input_bytes_total", read) == 0
    assert value("photoduct_compressor_output_bytes_total", made) == 0
    (report,) = await Compress(
        library, BALANCED, {Kind.PHOTO: 60.0}, FakeClock(), Turns(1), following=following
    )(task)
    assert isinstance(report, Compressed)
    assert value("photoduct_compressor_input_bytes_total", read) == task.file.size
    assert value("photoduct_compressor_output_bytes_total", made) == report.size


async def test_a_file_that_is_left_leaves_no_folder(library: Path) -> None:
    (library / "backup" / NAME).write_bytes(b"no picture")
    (report,) = await Compress(library, BALANCED, {Kind.PHOTO: 60.0}, FakeClock(), Turns(1))(
        work(library)
    )
    assert isinstance(report, Left)
    assert list((library / "compress").iterdir()) == []


def test_only_what_a_dead_worker_left_unfinished_is_swept(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = library / "compress/7"
    folder.mkdir()
    dead = [".1-00c0ffee.jpg.partial", ".12-00c0ffee.partial"]
    stays = ["1-00c0ffee.jpg", ".1-a.jpg.partial", ".1-00c0ffee.jpg.partial.jpg"]
    for name in (*dead, *stays):
        (folder / name).write_bytes(b"12345")
    assert sweep(library, 60) == Swept()
    monkeypatch.setattr(sweeping, "_now_of", lambda _: time.time() + 121)
    with unfinished(folder / "2-00c0ffee.jpg") as living:
        assert sweep(library, 60) == Swept(files=2, size=10)
        assert {path.name for path in folder.iterdir()} == {*stays, living.name}
    assert not living.exists()
    (folder / ".1-a.jpg.partial").unlink()
