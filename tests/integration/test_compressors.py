"""Real compressors on a real bus: stopped in the middle of an encode, and two of which one comes back from a long sleep."""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from typing_extensions import override

from services.state import schema
from services.state.database import open_database
from shared.domain.events import Compressed, Downloaded, Outcome
from shared.domain.ids import Area, GoogleLevel, Kind, Resource
from shared.domain.pipeline import COMPRESS
from shared.domain.work_items import DownloadWork, FileRef, FileWork
from shared.ports.bus import Outgoing
from tests.contracts.books_world import World, seen
from tests.e2e.hasten import hastened
from tests.integration.desk import Desk, open_desk
from tests.process_tree import alive, descendants
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from services.state.truth import Due
    from shared.domain.seen import AssetSeen

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
FAR = r"compressing a\.mov \d+ %, \d+ fps, \d+ (s|min) left"


@contextmanager
def compressor(desk: Desk, library: Path) -> Iterator[subprocess.Popen[bytes]]:
    files = desk.nats.files
    config = files.data / "config.yaml"
    config.write_text(
        f"data: {files.data}\nlibrary: {{root: {library}}}\nnats: {{url: '{files.url}'}}\n"
        "compressor: {slots: 1}\n"
    )
    command = [sys.executable, "-m", "services.compressor", "--config", str(config)]
    with (files.data / "compressors.log").open("ab") as log:
        started = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    for area in Area:
        (root / area).mkdir(parents=True)
    return root


def long_film(library: Path) -> FileWork:
    """Work of which an encoder has enough for longer than a compressor may take to stop."""
    clip, film = samples.video(library / "clip.mov", seconds=5), library / "backup" / "a.mov"
    samples.run("-stream_loop", "80", "-i", str(clip), "-c", "copy", str(film))
    file = FileRef(
        media=7,
        resource=Resource.ORIGINAL,
        area=Area.BACKUP,
        path=film.name,
        sha256=hashlib.sha256(film.read_bytes()).hexdigest(),
        size=film.stat().st_size,
    )
    return FileWork(
        stage="compress",
        key=7,
        attempt=1,
        asset="A",
        created=datetime(2015, 1, 1, tzinfo=UTC),
        file=file,
        filename=film.name,
        kind=Kind.VIDEO,
    )


async def test_a_stopped_compressor_hands_its_film_to_the_next_and_leaves_nothing(
    tmp_path: Path, library: Path
) -> None:
    work = long_film(library)
    async with open_desk(tmp_path) as desk:
        with compressor(desk, library) as first:
            await desk.give(work)
            await seen_from_outside(desk)
            (mine,) = growing(library)
            with compressor(desk, library) as second:
                family = descendants(first.pid)
                assert len(family) >= 3, "what forks, what decodes, what encodes"
                asked = time.monotonic()
                first.terminate()
                assert await asyncio.to_thread(first.wait, 20) == 0
                assert time.monotonic() - asked < 10
                assert not [pid for pid in family if alive(pid)]
                assert mine not in growing(library)
                await desk.until(
                    lambda: any(growing(library).values()), within=40
                )  # not after 60 s
                family = descendants(second.pid)
                second.kill()
                await desk.until(lambda: not any(alive(pid) for pid in family))
    assert not [one for one in desk.reports if isinstance(one, Outcome)]
    assert not finished(library)


async def seen_from_outside(desk: Desk) -> None:
    """Wait until the person at the command line is told how far the film is."""
    command = (
        sys.executable,
        "-m",
        "shared.cli",
        "--config",
        str(desk.nats.files.data / "config.yaml"),
        "watch",
    )
    watch = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert watch.stdout
    try:
        async with asyncio.timeout(150):  # encoders are nice to all others
            while not re.match(FAR, said := (await watch.stdout.readline()).decode()):
                assert said, "it goes on until it is interrupted"
    finally:
        watch.terminate()
        await watch.wait()


def growing(library: Path) -> dict[str, int]:
    """The sizes of what is being written."""
    sizes: dict[str, int] = {}
    for path in library.glob("compress/7/.*"):
        with suppress(FileNotFoundError):  # it has just got its final name, or gone
            sizes[path.name] = path.stat().st_size
    return sizes


def finished(library: Path) -> list[Path]:
    return list(library.glob("compress/7/[0-9]*"))


class Books(World):
    """The real books; what they want downloaded is put into a library."""

    def __init__(self, engine: Engine, library: Path, photos: int) -> None:
        super().__init__(engine)
        self.library = library
        self.photo = samples.jpeg(library / "a.jpg").read_bytes()
        self.look(*(self._seen(f"A{n}", f"IMG_{n:04}.JPG") for n in range(photos)))
        self.work_off(without=("compress",))
        self.google(GoogleLevel.SETTLED)
        self.work_off(without=("compress",))

    def _seen(self, asset: str, name: str) -> AssetSeen:
        photo, record = seen(asset, name).resources
        size = len(self.photo)
        resources = (photo.model_copy(update={"size": size}), record)
        return seen(asset, name).model_copy(update={"resources": resources})

    @override
    def _download(self, work: DownloadWork) -> Downloaded:
        path = self.library / "backup" / work.path
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b"{}" if work.resource == Resource.RECORD else self.photo
        path.write_bytes(data)
        return work.outcome(
            Downloaded,
            self.clock.now(),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            area=Area.BACKUP,
            path=work.path,
        )

    async def hand_out(self, desk: Desk, *tasks: Due) -> None:
        numbers = await desk.publisher.publish_many(
            [Outgoing(one.subject, one.body, one.message_id) for one in tasks]
        )
        self.truth.published([(one.task, seq) for one, seq in zip(tasks, numbers, strict=True)])

    def lost(self, task: Due) -> Due:
        """Take an answer for lost, and hand the work out anew."""
        self.tick()
        self.truth.ring_again([(task.task.stage, task.task.key)])
        (again,) = (one for one in self.truth.due_again() if one.task.key == task.task.key)
        assert again.task.attempt == task.task.attempt + 1
        return again

    def renditions(self) -> dict[int, tuple[str, str]]:
        columns = schema.media.c
        query = select(columns.id, columns.rendition_path, columns.rendition_sha256)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(columns.rendition_path.is_not(None)))
            return {row.id: (row.rendition_path, row.rendition_sha256) for row in rows}


async def test_two_compressors_do_each_file_once_to_effect_though_one_comes_back_late(
    tmp_path: Path, library: Path
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/media.db")
    books = Books(engine, library, photos=6)
    first, *others = books.due
    books.due = []
    made = library / "compress" / str(first.task.key)
    with hastened():
        async with open_desk(tmp_path) as desk:
            with compressor(desk, library) as sleeper:
                await books.hand_out(desk, first)
                await desk.until(lambda: bool(descendants(sleeper.pid)), within=30)
                sleeper.send_signal(signal.SIGSTOP)
                with compressor(desk, library):
                    await books.hand_out(desk, books.lost(first), *others)
                    await desk.until(lambda: len(answered(desk)) == 7, within=30)
                    sleeper.send_signal(signal.SIGCONT)
                    await desk.until(lambda: len(list(made.glob("1-*"))) >= 2, within=30)
                    await desk.until_done(COMPRESS, "photo")
    books.say(*desk.reports)
    wanted = Counter(one.task.key for one in books.due if one.task.stage == "rendition")
    assert wanted == dict.fromkeys((one.task.key for one in (first, *others)), 1)
    counted = books.renditions()
    assert set(counted) == set(wanted)
    for path, sha256 in counted.values():
        assert hashlib.sha256((library / "compress" / path).read_bytes()).hexdigest() == sha256
    assert len(list(made.glob("[0-9]*"))) >= 3, "made by both, and of what was handed out anew"
    engine.dispose()


def answered(desk: Desk) -> set[tuple[int, int]]:
    return {(one.key, one.attempt) for one in desk.of(Compressed)}
