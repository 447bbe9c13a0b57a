"""No more encoders than slots, and neither photos nor videos starve."""

import asyncio
from contextlib import suppress

import pytest
from pydantic import ValidationError

from services.compressor.pool import turns
from services.compressor.pool.turns import Turns
from services.compressor.settings import CompressorSettings
from shared.domain.ids import Kind

PHOTO, VIDEO = Kind.PHOTO, Kind.VIDEO


class Crowd:
    """Jobs that hold their turn until they are told to end, in the order in which they began."""

    def __init__(self, slots: int) -> None:
        self.time = 0.0
        self.turns = Turns(slots, now=lambda: self.time)
        self.running: list[tuple[Kind, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *kinds: Kind) -> None:
        self.tasks += [asyncio.create_task(self._job(kind)) for kind in kinds]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def end_first(self, after: float = 0.0) -> None:
        self.time += after
        self.running.pop(0)[1].set()
        for _ in range(4):
            await asyncio.sleep(0)

    @property
    def kinds(self) -> list[Kind]:
        return [kind for kind, _ in self.running]

    async def _job(self, kind: Kind) -> None:
        async with self.turns.turn(kind):
            ended = asyncio.Event()
            self.running.append((kind, ended))
            await ended.wait()

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_never_more_than_the_slots_and_the_unused_go_to_the_other_kind() -> None:
    crowd = Crowd(3)
    await crowd.come(*[PHOTO] * 5)
    assert crowd.kinds == [PHOTO] * 3
    await crowd.leave()


async def test_the_next_free_slot_goes_to_the_kind_that_has_none() -> None:
    crowd = Crowd(2)
    await crowd.come(*[PHOTO] * 6, VIDEO, VIDEO)
    await crowd.end_first()
    assert sorted(crowd.kinds) == [PHOTO, VIDEO]
    await crowd.end_first()
    assert sorted(crowd.kinds) == [PHOTO, VIDEO], "photos keep the other one"
    await crowd.leave()


async def test_on_one_slot_they_alternate() -> None:
    crowd, order = Crowd(1), []
    await crowd.come(*[PHOTO] * 3, *[VIDEO] * 3)
    for _ in range(6):
        order += crowd.kinds
        await crowd.end_first()
    assert order == [PHOTO, VIDEO] * 3
    await crowd.leave()


async def test_on_one_slot_photos_get_as_long_as_a_video_took() -> None:
    crowd, order = Crowd(1), []
    await crowd.come(VIDEO, VIDEO, *[PHOTO] * 20)
    while crowd.kinds:
        (kind,) = crowd.kinds
        order.append(kind)
        await crowd.end_first(100 if kind == VIDEO else 10)
    assert order[:12] == [VIDEO, *[PHOTO] * 10, VIDEO]
    assert order[12:] == [PHOTO] * 10


async def test_a_kind_that_was_away_has_no_claim_on_what_it_missed() -> None:
    crowd, order = Crowd(1), []
    await crowd.come(*[VIDEO] * 4)
    for _ in range(2):
        await crowd.end_first(1_000)
    await crowd.come(*[PHOTO] * 20)
    while crowd.kinds:
        (kind,) = crowd.kinds
        order.append(kind)
        await crowd.end_first(1_000 if kind == VIDEO else 100)
    assert order == [VIDEO, *[PHOTO] * 10, VIDEO, *[PHOTO] * 10]


async def test_one_that_is_cancelled_takes_no_slot_with_it() -> None:
    crowd = Crowd(1)
    await crowd.come(PHOTO, VIDEO, PHOTO)
    crowd.tasks[1].cancel()
    with suppress(asyncio.CancelledError):
        await crowd.tasks[1]
    crowd.tasks[0].cancel()
    await asyncio.gather(crowd.tasks[0], return_exceptions=True)
    await crowd.come(VIDEO)
    assert len(crowd.running) == 2, "the first, and one after it"
    await crowd.leave()
    await crowd.come(VIDEO)
    assert len(crowd.running) == 3
    await crowd.leave()


async def test_a_turn_that_comes_together_with_the_cancellation_is_passed_on() -> None:
    crowd = Crowd(1)
    await crowd.come(PHOTO, VIDEO, PHOTO)
    crowd.running.pop(0)[1].set()
    await asyncio.sleep(0)  # the first one gives its turn back now, and the video has got it
    crowd.tasks[1].cancel()
    await asyncio.gather(crowd.tasks[1], return_exceptions=True)
    for _ in range(3):
        await asyncio.sleep(0)
    assert crowd.kinds == [PHOTO]
    await crowd.leave()


async def test_fewer_slots_take_back_nothing_and_more_are_given_out_at_once() -> None:
    crowd = Crowd(3)
    await crowd.come(*[PHOTO] * 5)
    crowd.turns.allow(1)
    await crowd.end_first()
    await crowd.end_first()
    assert len(crowd.running) == 1
    await crowd.end_first()
    assert len(crowd.running) == 1, "the fourth, now that all others have ended"
    crowd.turns.allow(3)
    await crowd.come()
    assert len(crowd.running) == 2
    await crowd.leave()


async def test_of_each_kind_one_more_is_wanted_than_runs() -> None:
    crowd, seen = Crowd(2), list[tuple[int, int]]()
    crowd.turns.changed = lambda: seen.append(
        (crowd.turns.wanted(PHOTO), crowd.turns.wanted(VIDEO))
    )
    await crowd.come(PHOTO, VIDEO, PHOTO)
    assert seen == [(2, 1), (2, 2), (2, 2)]
    await crowd.end_first()
    assert seen[-1] == (2, 2)
    await crowd.end_first()
    assert seen[-1] == (2, 1)
    await crowd.leave()


async def test_the_share_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_LOOK_S", 0.0)
    crowd, seen, now = Crowd(1), list[int](), iter([1, 2, 2])
    await crowd.come(PHOTO, PHOTO)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await turns.keep_share(crowd.turns, lambda: next(now), seen.append)
    assert seen == [1, 2, 2]
    assert len(crowd.running) == 2
    await crowd.leave()


def test_in_quiet_hours_it_begins_nothing_or_uses_its_smaller_share() -> None:
    silent = CompressorSettings(quiet_hours="08:00-23:00", slots=8)
    assert silent.window == "23:00-08:00"
    shared = CompressorSettings(quiet_hours="08:00-23:00", quiet_share=0.25, slots=8)
    assert shared.window is None
    assert shared.encoders_now(lambda hours: hours == "23:00-08:00") == 8
    assert shared.encoders_now(lambda _: False) == 2
    assert silent.encoders_now(lambda _: False) == 0, "what waits here already begins neither"
    assert CompressorSettings(slots=8, cpu_share=0.1).encoders_now(lambda hours: hours is None) == 1


@pytest.mark.parametrize("wrong", ["8-23", "08:00-08:00", "08:00-24:00", "08:60-09:00", ""])
def test_quiet_hours_that_mean_nothing_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="part of a day like"):
        CompressorSettings(quiet_hours=wrong)


def test_one_of_both_says_when_it_may_work() -> None:
    with pytest.raises(ValidationError, match="not both"):
        CompressorSettings(quiet_hours="08:00-23:00", during="* 0-6 * * *")


@pytest.mark.parametrize(
    ("slots", "share", "found"), [(8, 0.5, 4), (3, 0.5, 1), (2, 0.1, 1), (4, 1.0, 4)]
)
def test_the_share_of_the_cores(slots: int, share: float, found: int) -> None:
    assert CompressorSettings(slots=slots, cpu_share=share).encoders == found
