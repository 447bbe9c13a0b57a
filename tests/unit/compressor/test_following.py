"""What is told of the files in work, and counted when they end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry

from services.compressor.pool import child
from services.compressor.pool.figures import Figures
from services.compressor.pool.following import Following, Telling
from services.compressor.verdict import Left
from shared.domain.errors import Permanent
from shared.domain.ids import Area, Kind, Resource
from shared.domain.work_items import FileRef, FileWork
from tests.unit.downloader.fakes import FakeClock

if TYPE_CHECKING:
    from shared.domain.progress import Progress

LEFT = Left("it is small", "heavy", readable=True)


def work(name: str, kind: Kind = Kind.VIDEO) -> FileWork:
    file = FileRef(
        media=1, resource=Resource.ORIGINAL, area=Area.BACKUP, path=name, sha256="", size=1
    )
    return FileWork(
        stage="compress", key=1, attempt=1, asset="A", created=datetime(2020, 1, 1, tzinfo=UTC),
        file=file, filename=name, kind=kind,
    )  # fmt: skip


class Bench:
    """Files in work that do what a test says, under a clock that it moves."""

    def __init__(self) -> None:
        self.time = 100.0
        self.registry = CollectorRegistry()
        self.following = Following(Figures(self.registry), now=lambda: self.time)
        self.told: list[Progress] = []
        self.telling = Telling(self.following, FakeClock(), self._tell)

    async def _tell(self, progress: Progress) -> None:
        self.told.append(progress)

    async def begin(self, task: FileWork, ends: asyncio.Future[Left]) -> tuple[Any, Any, Any]:
        heard: list[Any] = []

        async def run(progress: Any, frames: Any) -> Left:
            heard.extend((progress, frames))
            return await ends

        doing = asyncio.ensure_future(self.following.follow(task, run))
        await asyncio.sleep(0)
        return doing, *heard

    def counted(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"photoduct_compressor_{name}", labels)


async def test_how_far_how_fast_and_how_long_still_comes_from_what_was_heard_lately() -> None:
    bench, ends = Bench(), asyncio.get_running_loop().create_future()
    doing, progress, frames = await bench.begin(work("a.mov"), ends)
    (told,) = bench.following.files()
    assert (told.filename, told.done, told.frames_per_second) == ("a.mov", None, None)
    frames(1_000)
    progress(0.2)  # the search is behind it
    bench.time += 10
    frames(1_120)
    progress(0.3)
    bench.time += 2
    (told,) = bench.following.files()
    assert (told.done, told.frames_per_second, told.seconds) == (0.3, 12.0, 12.0)
    assert told.seconds_left == pytest.approx(68)
    for _ in range(30):  # slower now: what was before does not count for long
        bench.time += 1
        frames(int(bench.time))
        progress(0.3)
    (told,) = bench.following.files()
    assert told.frames_per_second is not None
    assert told.frames_per_second < 1.1
    assert told.seconds_left is None
    ends.set_result(LEFT)
    assert await doing is LEFT
    assert bench.following.files() == ()


async def test_the_end_of_each_file_is_counted_by_what_became_of_it() -> None:
    bench, loop = Bench(), asyncio.get_running_loop()
    series = {"kind": "photo", "outcome": "left"}
    assert bench.counted("file_duration_seconds_count", **series) == 0
    assert bench.counted("files_in_work", kind="photo") == 0
    ends = [loop.create_future() for _ in range(3)]
    jobs = [await bench.begin(work("a.jpg", Kind.PHOTO), one) for one in ends]
    jobs[0][2](40)
    jobs[0][2](100)
    assert bench.counted("frames_total") == 100
    assert bench.counted("files_in_work", kind="photo") == 3
    bench.time += 7
    ends[0].set_result(LEFT)
    ends[1].set_exception(Permanent("it crashed"))
    jobs[2][0].cancel()
    await asyncio.gather(*(job[0] for job in jobs), return_exceptions=True)
    for outcome in ("left", "failed", "given_back"):
        labels = {"kind": "photo", "outcome": outcome}
        assert bench.counted("file_duration_seconds_count", **labels) == 1
        assert bench.counted("file_duration_seconds_sum", **labels) == 7
    assert bench.counted("files_in_work", kind="photo") == 0


async def test_it_is_said_while_something_is_in_work_and_once_more() -> None:
    bench, ends = Bench(), asyncio.get_running_loop().create_future()
    await bench.telling()
    assert bench.told == []
    doing, *_ = await bench.begin(work("a.mov"), ends)
    await bench.telling()
    ends.set_result(LEFT)
    await doing
    for _ in range(3):
        await bench.telling()
    assert [[file.filename for file in told.files] for told in bench.told] == [["a.mov"], []]


@pytest.mark.parametrize(
    "said",
    [{"progress": 2, "frames": 0}, {"progress": float("nan"), "frames": 0}, {"progress": 0.5},
     {"progress": [], "frames": 0}, {"progress": 0.5, "frames": float("inf")}, {"progress": 0, "frames": -1}],
)  # fmt: skip
def test_no_decoder_can_tell_what_is_no_progress(said: dict[str, Any]) -> None:
    with pytest.raises(Permanent, match="nonsense"):
        child._far(said)
