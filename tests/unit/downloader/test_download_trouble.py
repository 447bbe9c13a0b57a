"""Downloads on a bad line and under Apple's throttling: taken up in place, bounded, and never at the price of the bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.downloader import receiving
from services.downloader.partial import Partial
from services.downloader.policy import REFUSED
from services.downloader.verdict import LARGE, Verdict
from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting
from shared.domain.icloud_checksum import StreamDigest
from shared.domain.ids import Kind, Resource
from shared.ports.files import DiskFull, WrongLength
from shared.ports.icloud import Declined, Incoming, SlowedDown, Unanswered, UrlExpired
from tests.unit.downloader.samples import asset, master, resource
from tests.unit.downloader.test_download import DATA, URL, Parts


@pytest.fixture
def it(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


async def test_a_stalled_download_is_noticed_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    it = Parts(tmp_path, stall_seconds=1)
    it.fetch.stalls = 1
    await it.handle(it.work())
    assert it.fetch.starts == [0, 5000]
    assert it.landed.read_bytes() == DATA


async def test_bytes_that_trickle_count_as_a_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = Parts(tmp_path, stall_seconds=0.2)
    monkeypatch.setattr(receiving, "PROGRESS", 6_000)
    real = it.fetch._chunks

    async def slowly(body: bytes):  # type: ignore[no-untyped-def]
        async for piece in real(body):
            yield piece
            await asyncio.sleep(0.15)

    it.fetch._chunks = slowly  # type: ignore[method-assign]
    with pytest.raises(Transient, match="next to nothing"):
        await it.handle(it.work())
    assert len(it.fetch.starts) == 4
    assert it.part.read_bytes() == DATA[: it.part.stat().st_size]


@pytest.mark.parametrize(
    "error",
    [
        Transient("iCloud answered the download with an error (500)"),
        UrlExpired("410"),
        Waiting("iCloud cannot be reached", attention="icloud-unreachable"),
    ],
)
async def test_a_hiccup_is_tried_again_in_place(it: Parts, error: PhotoductError) -> None:
    it.part.write_bytes(DATA[:3000])
    it.fetch.errors = [error, error]
    await it.handle(it.work())
    assert it.fetch.starts == [3000, 3000, 3000]
    it.fetch.errors = [error] * 10
    with pytest.raises(type(error)):
        await it.handle(it.work(path="2026/11/b.HEIC"))
    assert len(it.fetch.errors) == 6


@pytest.mark.parametrize("error", [Unanswered("?"), Declined("no", code="X")])
async def test_a_look_up_that_fails_is_tried_again_in_place(
    it: Parts, error: PhotoductError
) -> None:
    it.records.answers = [error, error]
    await it.handle(it.work())
    assert it.landed.read_bytes() == DATA


async def test_what_only_a_person_can_end_is_not_tried_again_in_place(it: Parts) -> None:
    it.fetch.errors = [Waiting("sign in", attention="icloud-session")] * 2
    with pytest.raises(Waiting):
        await it.handle(it.work())
    it.fetch.errors = [DiskFull("full")] * 2
    with pytest.raises(DiskFull):
        await it.handle(it.work())
    assert it.fetch.starts == [0, 0]


async def test_throttling_uses_no_tries_up(it: Parts) -> None:
    it.fetch.errors = [SlowedDown(0.01) for _ in range(12)]
    await it.handle(it.work())
    assert len(it.fetch.starts) == 13
    assert it.slept == []


async def test_a_file_that_alone_is_refused_for_ever_stops_holding_up_the_others(it: Parts) -> None:
    it.fetch.errors = [SlowedDown(0.01) for _ in range(100)]
    real = it.limiter._slowed

    async def meanwhile(epoch: int, seconds: float) -> None:
        await real(epoch, seconds)
        it.limiter.answered(0)  # others are served

    it.limiter._slowed = meanwhile  # type: ignore[method-assign]
    async with asyncio.timeout(60):
        with pytest.raises(Transient, match="serves others"):
            await it.handle(it.work())
    assert len(it.fetch.starts) == REFUSED + 1


async def test_a_turn_of_an_old_address_is_no_answer_that_lets_the_others_out(it: Parts) -> None:
    it.known.learn("A1", asset(), master(data=DATA))
    with pytest.raises(SlowedDown):
        async with it.limiter.turn():
            raise SlowedDown(1)
    out: list[int] = []

    @asynccontextmanager
    async def slowly(url: str, start: int) -> AsyncIterator[Incoming]:
        out.append(len(it.fetch.starts))
        await asyncio.sleep(0.02)
        async with it.fetch(url, start) as incoming:
            yield incoming

    it.receive._fetch = slowly
    tasks = [
        asyncio.create_task(it.receive(it.work(key=n), it.part.with_name(f"{n}.part")))
        for n in range(8)
    ]
    await waited(it, 8)
    it.clock.pass_minutes(31)  # Apple's wish outlasts the addresses
    await asyncio.gather(*tasks)
    assert (out[0], out[1] >= 1) == (0, True)  # the second one goes out after an answer
    assert it.records.asked == [["A1"], ["M1"]]


async def test_an_expired_address_costs_one_look_up_for_all_files_of_the_asset(it: Parts) -> None:
    old = "https://cloud.test/old"
    stale = master(
        resOriginalRes=resource(DATA, url=old), resOriginalVidComplRes=resource(b"movie", url=old)
    )
    it.known.learn("A1", asset(), stale)
    it.records.store["M1"] = master(data=DATA, resOriginalVidComplRes=resource(b"movie", URL + "m"))
    it.fetch.bodies[URL + "m"] = b"movie"
    it.fetch.expired.add(old)
    live = it.work(
        resource=Resource.LIVE,
        checksum=resource(b"movie")["value"]["fileChecksum"],
        size=5,
        path="2026/11/IMG.MOV",
        key=6,
    )
    await asyncio.gather(it.handle(it.work()), it.handle(live))
    assert it.records.asked == [["A1"], ["M1"]]


async def test_an_address_that_grew_old_while_it_waited_is_looked_up_again(it: Parts) -> None:
    it.known.learn("A1", asset(), master(data=DATA))
    waiting: asyncio.Task[object]
    async with it.limiter.turn() as turn:
        for _ in range(7):
            asyncio.get_running_loop().call_soon(turn.answered)
        others = [asyncio.create_task(_hold(it)) for _ in range(7)]
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(it.receive(it.work(), it.part))
        await waited(it, 1)
        it.clock.pass_minutes(31)
    await waiting
    assert it.records.asked == [["A1"], ["M1"]]
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def waited(it: Parts, many: int) -> None:
    """Return when so many wait for a turn."""
    async with asyncio.timeout(30):
        while sum(map(len, it.limiter._waiting.values())) < many:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def _hold(it: Parts) -> None:
    async with it.limiter.turn():
        await asyncio.sleep(60)


async def test_no_more_downloads_are_on_their_way_than_the_setting_says(it: Parts) -> None:
    await asyncio.gather(
        *(it.handle(it.work(key=10 + n, path=f"2026/11/{n}.HEIC")) for n in range(32))
    )
    assert it.fetch.most_at_once == 8
    assert len(it.fetch.starts) == 32


async def test_a_cancelled_download_keeps_what_came(it: Parts) -> None:
    it.fetch.stalls = 1
    task = asyncio.create_task(it.receive(it.work(), it.part))
    async with asyncio.timeout(30):
        while it.fetch.stalls:  # noqa: ASYNC110 - a fake tells nobody
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert it.part.read_bytes() == DATA[:5000]
    await it.handle(it.work())
    assert it.fetch.starts == [0, 5000]


async def test_the_room_that_other_downloads_will_need_is_counted(tmp_path: Path) -> None:
    it = Parts(tmp_path, floor=0)
    free = __import__("shutil").disk_usage(tmp_path).free
    one, two = (it.work(key=key, size=free * 2 // 3) for key in (1, 2))
    library = it.handle._library
    with library.room(library.part(one)):
        library.part(one)  # its own promise does not count twice
        with pytest.raises(DiskFull):
            library.part(two)
    library.part(two)


def test_a_partial_file_that_was_closed_takes_nothing_more(tmp_path: Path) -> None:
    partial = Partial(tmp_path / "p", 10)
    partial.write(b"12345")
    with pytest.raises(WrongLength):
        partial.write(b"123456")
    assert partial.digest.size == 5
    partial.close()
    with pytest.raises(Transient):
        partial.write(b"6")
    assert (tmp_path / "p").read_bytes() == b"12345"


def digest(data: bytes) -> StreamDigest:
    found = StreamDigest()
    found.update(data)
    return found


@pytest.mark.parametrize(
    ("allowed", "size", "second", "taken"),
    [
        (True, LARGE + 1, b"same", True),
        (True, LARGE + 1, b"other", False),
        (True, LARGE, b"same", False),
        (False, LARGE + 1, b"same", False),
    ],
)
def test_size_alone_is_enough_only_where_allowed_for_a_large_file_that_came_twice_alike(
    it: Parts, allowed: bool, size: int, second: bytes, taken: bool
) -> None:
    verdict = Verdict(it.work(size=size, kind=Kind.VIDEO), accept_size_only=allowed)
    assert verdict.on(digest(b"same")) is None
    verdict.raise_if_final()
    said = verdict.on(digest(second))
    assert (said is not None) == taken
    if not taken:
        with pytest.raises(Transient, match="twice"):
            verdict.raise_if_final()


async def test_a_file_taken_by_its_size_alone_is_told_to_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.downloader.verdict.LARGE", 100)
    it = Parts(tmp_path, accept_size_only=True)
    it.fetch.bodies[URL] = DATA[::-1]
    await it.handle(it.work())
    assert it.fetch.starts == [0, 0]
    assert it.landed.read_bytes() == DATA[::-1]
    assert "accept_size_only" in it.attention.standing["size-only"]


async def test_a_file_that_is_gone_is_not_asked_for_again(it: Parts) -> None:
    it.records.store = {}
    with pytest.raises(Permanent):
        await it.handle(it.work())
    assert it.records.asked == [["A1"]]
