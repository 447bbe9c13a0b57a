"""Looking up together: few requests, and one bad record costs itself only."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from typing_extensions import override

from services.downloader.lookups import Lookups, look_up
from shared.domain.errors import PhotoductError, Waiting
from shared.ports.icloud import Declined, LookedUp, Unanswered, WholeAsset
from tests.unit.downloader.fakes import FakeRecords
from tests.unit.downloader.samples import asset, master


def zone(count: int) -> FakeRecords:
    store = {f"A{n}": asset(f"A{n}", f"M{n}") for n in range(count)}
    return FakeRecords(store | {f"M{n}": master(f"M{n}") for n in range(count)})


Asking = Lookups[WholeAsset]


def asking(records: FakeRecords, hungry: Callable[[], bool] = lambda: True) -> Asking:
    return Lookups(records, hungry, lambda _name, whole: whole)


async def all_of(lookups: Asking, names: Iterable[str]) -> list[WholeAsset | BaseException]:
    return await asyncio.gather(*(lookups.whole(name) for name in names), return_exceptions=True)


async def test_a_hundred_assets_cost_two_requests() -> None:
    records = zone(250)
    found = await all_of(asking(records), (f"A{n}" for n in range(250)))
    assert [len(asked) for asked in records.asked] == [100, 100, 100, 100, 50, 50]
    for n, whole in enumerate(found):
        assert isinstance(whole, WholeAsset)
        assert (whole.asset, whole.master) == (records.store[f"A{n}"], records.store[f"M{n}"])


async def test_what_is_asked_while_a_request_is_under_way_goes_together() -> None:
    records = zone(20)
    lookups = asking(records)
    inner, gate = records.lookup, asyncio.Event()

    async def slowly(names: Iterable[str]) -> LookedUp:
        await gate.wait()
        return await inner(names)

    records.lookup = slowly  # type: ignore[method-assign]
    first = asyncio.create_task(lookups.whole("A0"))
    await asyncio.sleep(0.05)
    rest = asyncio.create_task(all_of(lookups, [f"A{n}" for n in range(20)]))
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(first, rest)
    assert [len(asked) for asked in records.asked] == [1, 1, 19, 19]


async def test_what_nobody_needs_yet_waits_for_company() -> None:
    records, hungry = zone(3), False
    lookups = asking(records, lambda: hungry)
    waiting = [asyncio.create_task(lookups.whole(f"A{n}", urgent=False)) for n in range(2)]
    await asyncio.sleep(0.12)
    assert records.asked == []
    await lookups.whole("A2")  # somebody is in a hurry, and takes the others along
    await asyncio.gather(*waiting)
    assert [len(asked) for asked in records.asked] == [3, 3]
    hungry = True
    await lookups.whole("A0", urgent=False)
    assert [len(asked) for asked in records.asked[2:]] == [1, 1]


async def test_one_record_that_fails_costs_its_own_asset_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.downloader.lookups._PAUSES", ())
    records = zone(4)
    del records.store["A0"]
    records.unsure = {"A1", "M2"}
    gone, unsure, no_master, fine = await all_of(asking(records), [f"A{n}" for n in range(4)])
    assert gone == WholeAsset(None, None)
    assert isinstance(unsure, Declined)
    assert isinstance(no_master, Declined)
    assert isinstance(fine, WholeAsset)
    assert fine.master is not None


async def test_what_icloud_did_not_answer_is_asked_again_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.downloader.lookups._PAUSES", (0.0, 0.0))
    records = zone(3)
    records.answers = [Unanswered("?"), Unanswered("?")]
    for whole in await all_of(asking(records), ["A0", "A1"]):
        assert isinstance(whole, WholeAsset)
    assert [len(asked) for asked in records.asked] == [2, 2, 2, 2]
    records.answers = [Unanswered("?")] * 3
    (error,) = await all_of(asking(records), ["A0"])
    assert isinstance(error, Unanswered)


@pytest.mark.parametrize("error", [Declined("?", code="NO"), Waiting("w", attention="a")])
async def test_a_question_that_fails_as_a_whole_fails_for_all_and_the_next_one_is_new(
    error: PhotoductError,
) -> None:
    records = zone(3)
    records.answers = [error]
    lookups = asking(records)
    assert await all_of(lookups, ["A0", "A1"]) == [error, error]
    (whole,) = await all_of(lookups, ["A0"])
    assert isinstance(whole, WholeAsset)


class Picky(FakeRecords):
    """Declines every request that has one of `bad` in it."""

    bad: frozenset[str] = frozenset()

    @override
    async def lookup(self, names: Iterable[str]) -> LookedUp:
        wanted = list(names)
        if self.bad & set(wanted):
            self.asked.append(wanted)
            raise Declined("bad name", code="BAD_REQUEST")
        return await super().lookup(wanted)


async def test_a_name_that_icloud_cannot_stand_is_found_and_left_alone() -> None:
    records = Picky(zone(100).store)
    records.bad = frozenset({"A17", "A18"})
    found = await look_up(records, [f"A{n}" for n in range(100)])
    assert set(found.failed) == records.bad
    assert len(found.found) == 98
    assert len(records.asked) <= 20


async def test_a_service_that_declines_everything_is_not_asked_a_hundred_times() -> None:
    records = Picky(zone(100).store)
    records.bad = frozenset(records.store)
    with pytest.raises(Declined):
        await look_up(records, [f"A{n}" for n in range(100)])
    assert len(records.asked) == 4
    records.bad, records.answers = frozenset(), [Declined("no", code="ZONE_NOT_FOUND")]
    with pytest.raises(Declined):
        await look_up(records, ["A1", "A2"])


async def test_whoever_stops_waiting_takes_no_answer_from_the_others() -> None:
    records = zone(2)
    lookups = asking(records)
    one = asyncio.create_task(lookups.whole("A0"))
    other = asyncio.create_task(lookups.whole("A0"))
    await asyncio.sleep(0)
    one.cancel()
    assert (await other).asset is not None
