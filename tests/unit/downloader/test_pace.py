"""How fast iCloud is asked: the pure policy under anything that can happen, and the limiter that follows it."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from services.downloader.limiter import Limiter
from services.downloader.paced import PacedRecords, paced
from services.downloader.policy import (
    MOVED_ON,
    TRIES,
    Pace,
    Patience,
    next_kind,
    videos_at_most,
)
from shared.domain.ids import Kind
from shared.ports.icloud import LookedUp, RecordsSlowedDown, SlowedDown, UrlExpired
from shared.ports.watching import Unobserved
from tests.unit.downloader.fakes import FakeAttention, FakeRecords
from tests.unit.downloader.in_no_time import in_no_time

steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "answer", "slow", "lose", "wait"]),
        st.integers(0, 30),
        st.floats(0, 100),
    ),
    max_size=120,
)


class World:
    """A pace with the requests that are on their way, oldest first, each with its epoch."""

    def __init__(self, most: int) -> None:
        self.pace, self.now = Pace.full(most), 0.0
        self.out: list[int] = []
        self.wished: float = 0.0
        self.wishes = 0
        self.since_wish: list[int] = []
        """Requests that went out since the last wish and were not answered."""

    def do(self, what: str, which: int, seconds: float) -> None:
        if what == "wait":
            self.now += seconds
        elif what == "start":
            self._start()
        elif self.out:
            epoch = self.out.pop(which % len(self.out))
            before = self.pace
            if what == "answer":
                self.pace = self.pace.answered(epoch)
                assert self.pace.limit - before.limit in (0, 1)
            elif what == "lose":
                self.pace = self.pace.lost(epoch)
                assert self.pace.limit == before.limit
            else:
                self.wished = max(self.wished, self.now + seconds)
                self.pace = self.pace.slowed(epoch, self.now + seconds)
                assert self.pace.limit in (before.limit, max(1, before.limit // 2))

    def _start(self) -> None:
        if self.pace.may_start(self.now, len(self.out)):
            assert self.now >= self.wished
            self.pace = self.pace.started()
            self.out.append(self.pace.epoch)


@settings(max_examples=150)
@given(most=st.integers(1, 32), walk=steps)
def test_nobody_asks_before_the_wished_moment_and_the_limit_stays_between_one_and_the_setting(
    most: int, walk: list[tuple[str, int, float]]
) -> None:
    world = World(most)
    for step in walk:
        world.do(*step)
        assert 1 <= world.pace.limit <= most


@settings(max_examples=100)
@given(most=st.integers(1, 32), walk=steps)
def test_after_a_wish_one_request_goes_ahead_alone_and_it_never_gets_stuck(
    most: int, walk: list[tuple[str, int, float]]
) -> None:
    world = World(most)
    for step in walk:
        world.do(*step)
    world.pace = world.pace.slowed(world.pace.epoch, world.now)
    world.now = max(world.now, world.pace.not_before)
    assert world.pace.may_start(world.now, 10_000)  # what went out before does not count
    world.pace = world.pace.started()
    assert not world.pace.may_start(world.now, 0)
    old = world.pace.epoch - 1
    assert not world.pace.answered(old).lost(old).may_start(world.now, 0)
    again = world.pace.lost(world.pace.epoch)
    assert again.may_start(world.now, 0)
    for pace in (world.pace, again.started()):
        through = pace.answered(pace.epoch)
        assert through.may_start(world.now, through.limit - 1)
        assert not through.may_start(world.now, through.limit)


def test_one_burst_of_wishes_halves_once_and_answers_raise_it_again() -> None:
    pace = Pace.full(8)
    for _ in range(8):
        pace = pace.slowed(0, 5.0)
    assert (pace.limit, pace.not_before) == (4, 5.0)
    pace = pace.started()
    pace = pace.answered(pace.epoch)
    for _ in range(4 + 5 + 6 + 7):
        assert pace.limit < 8
        pace = pace.answered(pace.epoch)
    assert pace.limit == 8
    for _ in range(50):
        pace = pace.answered(pace.epoch)
    assert pace.limit == 8


@given(
    limit=st.integers(1, 32),
    photos=st.integers(0, 32),
    videos=st.integers(0, 32),
    last=st.sampled_from([None, *Kind]),
)
def test_videos_never_take_what_photos_need(
    limit: int, photos: int, videos: int, last: Kind | None
) -> None:
    running = {Kind.PHOTO: photos, Kind.VIDEO: videos}
    chosen = next_kind(list(Kind), running, limit, last)
    assert chosen is not None
    if chosen is Kind.VIDEO:
        assert videos < videos_at_most(limit)
        assert videos <= photos
    assert next_kind([Kind.PHOTO], running, limit, last) is Kind.PHOTO
    assert videos_at_most(limit) < limit or limit == 1


def test_a_download_is_begun_again_a_few_times_unless_it_moves_on() -> None:
    patience: Patience | None = Patience()
    pauses = []
    while patience is not None:
        patience = patience.after(0)
        pauses += [patience.pause] if patience else []
    assert len(pauses) == TRIES
    assert pauses == sorted(pauses)
    moving = Patience()
    for _ in range(100):
        after = moving.after(MOVED_ON)
        assert after is not None
        moving = after


def limiter(most: int = 8) -> tuple[Limiter, FakeAttention]:
    attention = FakeAttention()
    return Limiter("downloads", most, attention, Unobserved()), attention


@in_no_time
async def test_what_is_slowed_down_waits_for_one_probe_and_never_storms() -> None:
    it, _ = limiter()
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    patience = 12

    async def ask() -> None:
        nonlocal patience
        asked.append(loop.time())
        await asyncio.sleep(0.01)
        if patience:
            patience -= 1
            raise SlowedDown(0.2)

    await asyncio.gather(*(paced(it, ask) for _ in range(20)))
    starts = [[asked[0]]]
    for moment in asked[1:]:
        if moment - starts[-1][-1] > 0.15:
            starts.append([])
        starts[-1].append(moment)
    assert [len(burst) for burst in starts[:-1]] == [8] + [1] * (len(starts) - 2)
    assert len(asked) == 20 + 12
    assert all(b[0] - a[-1] >= 0.2 for a, b in pairwise(starts))


@in_no_time
async def test_a_long_wish_is_told_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    it, attention = limiter()
    monkeypatch.setattr("services.downloader.limiter._WORTH_TELLING", 0.05)
    with pytest.raises(SlowedDown):
        async with it.turn():
            raise SlowedDown(0.05)
    assert "slows us down" in attention.standing["icloud-slow"]
    async with it.turn():
        pass
    assert attention.standing == {}


@in_no_time
async def test_an_answer_opens_the_way_before_its_file_is_whole() -> None:
    it, _ = limiter()
    with pytest.raises(SlowedDown):
        async with it.turn():
            raise SlowedDown(0.01)
    async with it.turn(Kind.VIDEO) as turn:
        turn.answered()
        async with asyncio.timeout(1), it.turn():
            pass


@in_no_time
async def test_who_gives_up_waiting_costs_nobody_a_turn() -> None:
    it, _ = limiter(1)
    async with it.turn():
        waiting = asyncio.create_task(hold(it))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    for error in (UrlExpired("410"), ValueError()):
        with pytest.raises(type(error)):
            async with it.turn():
                raise error
    granted = asyncio.create_task(hold(it))
    late = asyncio.create_task(hold(it))
    await asyncio.sleep(0.01)
    granted.cancel()
    await asyncio.sleep(0.01)
    late.cancel()
    await asyncio.gather(granted, late, return_exceptions=True)
    async with asyncio.timeout(1), it.turn():
        pass


@in_no_time
async def test_a_backlog_of_videos_does_not_starve_photos() -> None:
    it, _ = limiter(8)
    videos = [asyncio.create_task(hold(it, Kind.VIDEO)) for _ in range(50)]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        for _ in range(100):
            async with it.turn(Kind.PHOTO):
                await asyncio.sleep(0)
    for task in videos:
        task.cancel()
    await asyncio.gather(*videos, return_exceptions=True)


@in_no_time
async def test_photos_and_videos_share_alike_where_both_wait() -> None:
    it, _ = limiter(1)
    done: Counter[Kind] = Counter()

    async def one(kind: Kind) -> None:
        async with it.turn(kind):
            await asyncio.sleep(0)
            done[kind] += 1
            if done.total() == 20:
                assert done[Kind.PHOTO] == done[Kind.VIDEO]

    await asyncio.gather(*(one(kind) for kind in [Kind.VIDEO] * 20 + [Kind.PHOTO] * 20))
    assert done.total() == 40


@in_no_time
async def test_a_turn_that_nobody_used_claims_no_answer() -> None:
    it, _ = limiter()
    with pytest.raises(SlowedDown):
        async with it.turn():
            raise SlowedDown(0.01)
    async with it.turn() as turn:
        turn.not_used()
    waiting = [asyncio.create_task(hold(it)) for _ in range(3)]
    async with it.turn() as turn:
        await asyncio.sleep(0.02)
        assert it.answers == 0
    assert it._running.total() == 3
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def hold(it: Limiter, kind: Kind = Kind.PHOTO) -> None:
    async with it.turn(kind) as turn:
        turn.answered()
        await asyncio.sleep(60)


def test_a_pace_is_a_value() -> None:
    assert replace(Pace.full(3)) == Pace.full(3)


@in_no_time
async def test_a_turn_that_apples_wish_overtakes_is_waited_for_anew() -> None:
    it, _ = limiter(2)
    loop = asyncio.get_running_loop()
    one, other = it.turn(), it.turn()
    await one.__aenter__()
    await other.__aenter__()

    async def third() -> float:
        async with it.turn():
            return loop.time()

    waiting = asyncio.create_task(third())
    await asyncio.sleep(0.01)
    await one.__aexit__(None, None, None)  # the third one's turn comes,
    wish = SlowedDown(0.2)
    slowed = loop.time()
    assert not await other.__aexit__(SlowedDown, wish, None)  # and in the same moment the wish
    assert await waiting - slowed >= 0.2


@pytest.mark.parametrize(("names", "tries"), [(["A1"], 1), (["A1", "A2"], 5)])
@in_no_time
async def test_records_that_want_patience_for_ever_have_failed_and_hold_nobody_up(
    names: list[str], tries: int
) -> None:
    it, _ = limiter()
    failed = LookedUp(failed=dict.fromkeys(names, "TRY_AGAIN_LATER"))
    inner = FakeRecords(answers=[RecordsSlowedDown(0.02, failed) for _ in range(9)])
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(5):
        assert await PacedRecords(inner, it).lookup(names) == failed
    assert len(inner.asked) == tries
    took = asyncio.get_running_loop().time() - began
    assert took >= 0.02 * (tries - 1)  # its wish is kept to between the tries
    inner.answers = [SlowedDown(0.01) for _ in range(9)]  # of the whole request, it is waited for
    assert (await PacedRecords(inner, it).lookup(names)).missing == set(names)
