"""Looking at iCloud: what is reported, from where the next look goes on, and what a failure leaves behind."""

import pytest

from services.downloader import joining
from services.downloader.joining import Joined
from services.downloader.known import KnownAssets
from services.downloader.look import Look
from services.downloader.pages import PART_BYTES, Page, Stamp, Tokens, reports
from services.downloader.settings import DownloaderSettings
from shared.domain.errors import Transient, Waiting
from shared.domain.icloud_records import asset_seen
from shared.ports.icloud import ChangePage
from tests.unit.downloader.fakes import FakeAttention, FakeBus, FakeClock, FakeRecords, FakeZones
from tests.unit.downloader.samples import asset, master


class Parts:
    def __init__(self) -> None:
        self.records, self.bus, self.clock = FakeRecords(), FakeBus(), FakeClock()
        self.attention = FakeAttention()
        self.shared = FakeRecords()
        self.zones = FakeZones({"PrimarySync": self.records})
        known = KnownAssets(self.zones, self.clock, DownloaderSettings())
        self.look = Look(
            zones=self.zones,
            known=known,
            state=self.bus,
            attention=self.attention,
            clock=self.clock,
        )


@pytest.fixture
def it(monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr(joining, "_PAUSES", (0.0, 0.0))
    return Parts()


def page(*records: object, token: str, more: bool = False) -> ChangePage:
    return ChangePage(tuple(records), token, more)  # type: ignore[arg-type]


async def test_every_page_is_reported_and_the_last_one_is_final(it: Parts) -> None:
    it.records.feed = {
        None: page(token="t0", more=True),
        "t0": page(master("M1"), asset("A1", "M1"), token="t1", more=True),
        "t1": page(asset("A2", "M1"), {"recordName": "A3", "deleted": True}, token="t2"),
    }
    it.records.store = {"M1": master("M1")}
    await it.look()
    assert [(p.token, p.final) for p in it.bus.pages] == [
        ("t0", False),
        ("t1", False),
        ("t2", True),
    ]
    assert [[a.asset for a in p.assets] for p in it.bus.pages] == [[], ["A1"], ["A2"]]
    assert it.bus.pages[-1].gone == ("A3",)
    assert len({p.id for p in it.bus.pages}) == 3
    assert it.records.looked_up == []  # two assets share the master of the page before


async def test_a_master_on_no_near_page_is_looked_up_and_a_missing_one_costs_only_its_asset(
    it: Parts,
) -> None:
    it.records.feed = {None: page(asset("A1", "M1"), asset("A2", "M2"), token="t")}
    it.records.store = {"M1": master("M1")}
    await it.look()
    found = {a.asset: a for a in it.bus.pages[0].assets}
    assert found["A1"].problem is None
    assert "did not show" in str(found["A2"].problem)


async def test_an_asset_of_which_the_feed_shows_a_part_is_looked_up_whole(it: Parts) -> None:
    partial = {
        "recordName": "A1",
        "recordType": "CPLAsset",
        "fields": {"isFavorite": {"value": 1}},
    }
    vanished = partial | {"recordName": "A9"}
    it.records.feed = {None: page(partial, vanished, token="t")}
    it.records.store = {"A1": asset("A1", "M1", isFavorite={"value": 1}), "M1": master("M1")}
    await it.look()
    (seen,) = it.bus.pages[0].assets
    assert (seen.favorite, seen.problem, seen.filename) == (True, None, "IMG_0001.HEIC")
    assert it.bus.pages[0].gone == ("A9",)


async def test_an_error_in_a_records_place_is_looked_up_and_owed_until_it_is_known(
    it: Parts,
) -> None:
    names = ("A1", "A9", "ALBUM", "A2-IN-ALBUM", "M7")
    errors = [{"recordName": name, "serverErrorCode": "INTERNAL_ERROR"} for name in names]
    album = {"recordName": "ALBUM", "recordType": "CPLAlbum", "fields": {}}
    it.records.feed = {None: page(*errors, asset("A2", "M1"), token="t"), "t": page(token="t")}
    it.records.store = {"A1": asset("A1", "M1"), "M1": master("M1"), "ALBUM": album}
    it.records.store["M7"] = master("M7")
    it.records.unsure = {"A1", "ALBUM"}
    await it.look()
    (first,) = it.bus.pages
    assert (first.token, [a.asset for a in first.assets], first.gone) == ("", ["A2"], ("A9",))
    assert [(one.asset, one.album) for one in first.parted] == [("A2", "ALBUM")]
    it.records.unsure = set()
    await it.look()
    last = it.bus.pages[-1]
    assert (last.token, [a.asset for a in last.assets], len(last.albums)) == ("t", ["A1"], 1)


@pytest.mark.parametrize("unsure", ["M1", "A1"])
async def test_a_record_that_icloud_does_not_give_costs_itself_and_holds_the_token_until_it_comes(
    it: Parts, unsure: str
) -> None:
    shown = asset("A1", "M1")
    if unsure == "A1":
        del shown["fields"]["masterRef"]
    it.bus.token = "t1"
    it.records.feed = {
        "t1": page(shown, asset("A2", "M2"), token="t2", more=True),
        "t2": page(asset("A3", "M2"), token="t3"),
        "t3": page(token="t3"),
    }
    it.records.store = {"A1": asset("A1", "M1"), "M1": master("M1"), "M2": master("M2")}
    it.records.unsure = {unsure}
    await it.look()
    assert [[one.asset for one in p.assets] for p in it.bus.pages] == [["A2"], ["A3"]]
    assert ({p.token for p in it.bus.pages}, it.bus.pages[-1].final) == ({"t1"}, True)
    assert "A1" in it.attention.standing["icloud-records"]
    before = len(it.records.looked_up)
    await it.look()  # it does not read the feed again for it
    assert not it.bus.pages[-1].assets
    assert set(it.records.looked_up[before:]) == ({"A1"} if unsure == "A1" else {"A1", "M1"})
    it.records.unsure.clear()
    await it.look()
    (seen,) = it.bus.pages[-1].assets
    assert (seen.asset, seen.problem, it.bus.token) == ("A1", None, "t3")
    assert it.attention.standing == {}


async def test_after_a_restart_what_icloud_did_not_give_is_read_again(it: Parts) -> None:
    it.records.feed = {None: page(asset("A1", "M1"), token="t1"), "t1": page(token="t1")}
    it.records.store = {"A1": asset("A1", "M1"), "M1": master("M1")}
    it.records.unsure = {"M1"}
    await it.look()
    assert it.bus.token == ""
    again = Parts()
    again.records.feed, again.records.store = it.records.feed, it.records.store
    again.bus.token = it.bus.token
    await again.look()
    assert [one.asset for p in again.bus.pages for one in p.assets] == ["A1"]
    assert again.bus.token == "t1"


async def test_icloud_giving_hardly_any_record_is_a_failure_of_the_look(it: Parts) -> None:
    names = [f"A{n}" for n in range(201)]
    it.records.feed = {None: page(*(asset(n, f"M{n}") for n in names), token="t1")}
    it.records.unsure = {f"M{n}" for n in names}
    with pytest.raises(Transient, match="201 records"):
        await it.look()
    assert it.bus.pages == []


async def test_each_zone_has_its_feed_and_its_token_and_what_is_shared_is_kept(it: Parts) -> None:
    zone = "SharedSync-1"
    it.zones.readers[zone] = it.shared
    it.bus.tokens[zone] = "s0"
    it.records.feed = {None: page(master(), asset(), token="t1")}
    it.shared.feed = {"s0": page(master(), asset(), token="s1")}
    await it.look()
    own, shared = (p.assets[0] for p in it.bus.pages)
    assert [(own.asset, own.zone, own.problem)] == [("A1", "PrimarySync", None)]
    assert (shared.asset, shared.zone) == (f"A1@{zone}", zone)
    assert "never deletes" in str(shared.problem)
    assert it.bus.tokens == {"PrimarySync": "t1", zone: "s1"}


async def test_a_zone_that_fails_keeps_no_other_from_being_looked_at(it: Parts) -> None:
    it.zones.readers["SharedSync-1"] = it.shared
    it.records.trouble = Transient("no")
    it.shared.feed = {None: page(master(), asset(), token="s1")}
    with pytest.raises(Transient, match="no"):
        await it.look()
    assert it.bus.tokens == {"SharedSync-1": "s1"}
    it.zones.trouble, it.records.trouble = Transient("no zones"), None
    it.records.feed = {None: page(token="t1")}
    with pytest.raises(Transient, match="no zones"):
        await it.look()
    assert it.bus.tokens["PrimarySync"] == "t1"
    it.zones.trouble = None
    it.shared.feed = {"s1": page(token="s1")}
    it.records.feed = {"t1": page(token="t1")}
    await it.look()
    assert it.attention.standing == {}


async def test_what_was_told_of_a_shared_library_that_was_left_is_taken_back(it: Parts) -> None:
    it.zones.readers["SharedSync-1"] = it.shared
    it.records.feed = {None: page(token="t"), "t": page(token="t")}
    it.shared.trouble = Transient("ZONE_NOT_FOUND")
    with pytest.raises(Transient):
        await it.look()
    assert "icloud-look" in it.attention.standing
    del it.zones.readers["SharedSync-1"]
    it.attention.by.clear()
    await it.look()
    assert ("icloud-look", "SharedSync-1") in it.attention.by


async def test_a_wait_of_one_zone_is_not_cut_short_by_another_ones_failure(it: Parts) -> None:
    it.zones.readers["SharedSync-1"] = it.shared
    it.records.trouble = Transient("no")
    it.shared.trouble = Waiting("slow", attention="icloud-slow", retry_after=900)
    with pytest.raises(Waiting) as caught:
        await it.look()
    assert caught.value.retry_after == 900


async def test_the_next_look_goes_on_from_the_recorded_token(it: Parts) -> None:
    it.bus.token = "t1"
    it.records.feed = {"t1": page(token="t1")}
    await it.look()
    assert [(p.token, p.final, p.assets) for p in it.bus.pages] == [("t1", True, ())]


async def test_a_refused_token_begins_the_full_history(it: Parts) -> None:
    it.bus.token = "long gone"
    it.records.feed = {None: page(master(), asset(), token="t1")}
    await it.look()
    assert [(p.token, len(p.assets)) for p in it.bus.pages] == [("t1", 1)]
    assert it.attention.standing == {}


async def test_a_failing_look_is_told_and_the_next_good_one_takes_it_back(it: Parts) -> None:
    it.records.trouble = Waiting("iCloud wants a sign-in", attention="icloud-session")
    with pytest.raises(Waiting):
        await it.look()
    assert it.attention.standing == {"icloud-session": "iCloud wants a sign-in"}
    it.records.trouble = Transient("no")
    with pytest.raises(Transient):
        await it.look()
    assert it.attention.standing == {"icloud-look": "Looking at iCloud failed: no"}
    it.records.trouble = None
    it.records.feed = {None: page(token="t")}
    await it.look()
    assert it.attention.standing == {}


async def test_too_many_records_that_icloud_does_not_give_stop_the_zone_and_are_named(
    it: Parts,
) -> None:
    names = [f"A{number:03}" for number in range(201)]
    errors = [{"recordName": name, "serverErrorCode": "INTERNAL_ERROR"} for name in names]
    it.records.feed = {None: page(*errors, token="t")}
    it.records.unsure = set(names)
    with pytest.raises(Transient):
        await it.look()
    assert it.attention.standing == {
        "icloud-look": "Looking at iCloud failed: iCloud does not give 201 records (A000, A001, A002, ...)"
    }


async def test_a_look_that_fails_in_the_middle_goes_on_from_there(it: Parts) -> None:
    it.records.feed = {None: page(master(), asset(), token="t1", more=True)}
    with pytest.raises(Transient):
        await it.look()
    it.records.feed = {"t1": page(token="t2")}
    await it.look()
    assert [(p.token, p.final) for p in it.bus.pages][-1] == ("t2", True)


async def test_a_feed_that_stands_still_is_an_error_and_not_an_endless_loop(it: Parts) -> None:
    it.records.feed = {None: page(token="t", more=True), "t": page(token="t", more=True)}
    with pytest.raises(Transient, match="does not move on"):
        await it.look()
    assert not any(p.final for p in it.bus.pages)


def test_a_large_page_is_cut_and_only_its_last_part_has_the_new_token() -> None:
    clock = FakeClock()
    assets = tuple(
        asset_seen(asset(f"A{n}"), master(data=b"x" * (n + 1)), "PrimarySync") for n in range(900)
    )
    whole = Page("old", final=True, said=Joined(assets=assets, gone=("G",)))
    parts = reports(whole, Stamp("PrimarySync", clock.now(), 3), Tokens("old", "new"))
    assert len(parts) > 2
    assert tuple(a for part in parts for a in part.assets) == assets
    assert {part.token for part in parts[:-1]} == {"old"}
    assert [(p.token, p.final, p.gone) for p in parts][-1] == ("new", True, ("G",))
    assert not any(part.final or part.gone for part in parts[:-1])
    assert all(len(part.model_dump_json()) < PART_BYTES + 50_000 for part in parts)
    assert len({part.id for part in parts}) == len(parts)
    assert reports(whole, Stamp("PrimarySync", clock.now(), 3), Tokens("old", "new")) == parts


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    zones, clock = FakeZones({"PrimarySync": FakeRecords()}), FakeClock()
    known = KnownAssets(zones, clock, DownloaderSettings(remembered_assets=2))
    for name in ("A1", "A2", "A3"):
        known.learn(name, asset(name), master())
    assert [known.recall(name) is not None for name in ("A1", "A2", "A3")] == [False, True, True]
    clock.pass_minutes(31)
    assert known.recall("A3") is None
