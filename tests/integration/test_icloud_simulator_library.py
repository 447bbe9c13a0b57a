"""The simulated libraries hold what real ones do: shared zones, bursts, slow motion, odd names, old deletions."""

import base64
import hashlib
import os
import plistlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.icloud.__main__ import main
from simulators.icloud.contents import MIB, Synthetic, pieces
from tests.integration.icloud_wire import ADDED, Wire, change, wired

DAY = 86_400
EVERYTHING = (
    "photos=300,bytes=200-400,seed=5,videos=40,video_bytes=500,live=0.3,live_bytes=300,edited=0.3,raw=0.2,"
    "favorite=0.2,hidden=0.1,shared_master=0.1,burst=0.2,slow_motion=0.5,described=0.3,odd=0.3,"
    "albums=230,folders=3"
)
SALT = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("everything")
    zones = ["zone=SharedSync,photos=4,seed=6", "zone=CMM", "zone=SharedCollection"]
    zones += ["zone=SharedSync,database=shared,photos=3,seed=7"]
    more = [text for zone in zones for text in ("--synthetic", zone)]
    with wired(folder, "--synthetic", EVERYTHING, *more) as wire:
        yield wire


@pytest.fixture(scope="module")
def records(wire: Wire) -> dict[str, dict[str, Any]]:
    """The last version of every record in the feed of the person's own zone."""
    return {record["recordName"]: record for page in wire.history() for record in page}


def of_kind(records: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records.values() if record.get("recordType") == kind]


def value(record: dict[str, Any], field: str) -> Any:
    return record["fields"].get(field, {}).get("value")


def download(wire: Wire, token: dict[str, Any]) -> bytes:
    answer = wire.http.get(token["downloadURL"].replace("${f}", "photo"))
    assert answer.status_code == 200
    return answer.content


def test_every_file_of_an_asset_has_its_size_and_checksum(
    wire: Wire, records: dict[str, dict[str, Any]]
) -> None:
    seen: Counter[str] = Counter()
    for record in records.values():
        for name in record.get("fields", {}):
            if name.startswith("res") and name.endswith("Res") and seen[name] < 3:
                token, seen[name] = value(record, name), seen[name] + 1
                whole = download(wire, token)
                digest = hashlib.sha1(SALT + whole, usedforsecurity=False).digest()
                assert token["fileChecksum"] == base64.b64encode(b"\1" + digest).decode()
                assert token["size"] == len(whole)
    assert set(seen) == {
        "resOriginalRes",
        "resOriginalVidComplRes",
        "resOriginalAltRes",
        "resJPEGFullRes",
        "resVidFullRes",
    }


def test_two_assets_can_share_one_master(records: dict[str, dict[str, Any]]) -> None:
    assets = of_kind(records, "CPLAsset")
    shown = Counter(value(asset, "masterRef")["recordName"] for asset in assets)
    assert set(shown.values()) == {1, 2}
    assert set(shown) == {master["recordName"] for master in of_kind(records, "CPLMaster")}
    assert len(assets) == 340


def test_bursts_come_in_fives_with_one_picked(records: dict[str, dict[str, Any]]) -> None:
    bursts = [asset for asset in of_kind(records, "CPLAsset") if value(asset, "burstId")]
    sizes = Counter(value(asset, "burstId") for asset in bursts)
    assert sizes
    assert set(sizes.values()) == {5}
    assert sum(value(asset, "burstFlags") == 7 for asset in bursts) == len(sizes)


def test_slow_motion_has_an_adjustment_and_no_rendered_file(
    records: dict[str, dict[str, Any]],
) -> None:
    kinds = [value(asset, "adjustmentType") for asset in of_kind(records, "CPLAsset")]
    assert kinds.count("com.apple.video.slomo") > 5
    for asset in of_kind(records, "CPLAsset"):
        if value(asset, "adjustmentType") == "com.apple.video.slomo":
            assert "resVidFullRes" not in asset["fields"]


def test_lists_hold_what_their_names_say(wire: Wire, records: dict[str, dict[str, Any]]) -> None:
    def listed(kind: str, **more: Any) -> set[str]:
        found = wire.query(kind, direction="ASCENDING", startRank=0, **more)
        return {r["recordName"] for r in found if r["recordType"] == "CPLAsset"}

    assets = of_kind(records, "CPLAsset")
    shown = [asset for asset in assets if not value(asset, "isHidden")]
    hidden = {a["recordName"] for a in assets} - {a["recordName"] for a in shown}
    smart = "CPLAssetAndMasterInSmartAlbumByAssetDate"
    slow = {a["recordName"] for a in shown if value(a, "adjustmentType") == "com.apple.video.slomo"}
    assert listed("CPLAssetAndMasterHiddenByAssetDate") == hidden
    assert listed(smart, smartAlbum="SLOMO") == slow
    assert listed(smart, smartAlbum="FAVORITE") == {
        a["recordName"] for a in shown if value(a, "isFavorite")
    }
    assert listed("CPLBurstStackAssetAndMasterByAssetDate") == {
        a["recordName"] for a in shown if value(a, "burstId")
    }


def test_an_edited_live_photo_has_two_edited_files(records: dict[str, dict[str, Any]]) -> None:
    both = {"resJPEGFullRes", "resVidFullRes"}
    edited = [a for a in of_kind(records, "CPLAsset") if both <= a["fields"].keys()]
    assert edited
    for asset in edited:
        master = records[value(asset, "masterRef")["recordName"]]
        assert "resOriginalVidComplRes" in master["fields"]


def test_names_and_types_can_be_missing_plain_or_invalid(
    records: dict[str, dict[str, Any]],
) -> None:
    masters = of_kind(records, "CPLMaster")
    kinds = Counter(m["fields"].get("filenameEnc", {}).get("type") for m in masters)
    assert set(kinds) == {"ENCRYPTED_BYTES", "STRING", None}
    assert any(value(m, "filenameEnc") == "%%% no base64 %%%" for m in masters)
    assert any("itemType" not in m["fields"] for m in masters)


def test_words_and_places_are_where_apple_keeps_them(records: dict[str, dict[str, Any]]) -> None:
    asset = next(a for a in of_kind(records, "CPLAsset") if value(a, "keywordsEnc"))
    assert plistlib.loads(base64.b64decode(value(asset, "keywordsEnc")))[0] == "synthetic"
    assert base64.b64decode(value(asset, "captionEnc")).startswith(b"Number")
    assert 48 < plistlib.loads(base64.b64decode(value(asset, "locationEnc")))["lat"] < 56


def test_albums_lie_in_folders_and_come_in_pages(wire: Wire) -> None:
    def children(parent: str | None) -> list[dict[str, Any]]:
        wanted = {"parentId": parent} if parent else {}
        filters = [
            {"fieldName": name, "comparator": "EQUALS", "fieldValue": {"value": found}}
            for name, found in wanted.items()
        ]
        query = {"recordType": "CPLAlbumByPositionLive", "filterBy": filters}
        found, marker, pages = [], "", 0
        while pages == 0 or marker:
            more = {"continuationMarker": marker} if marker else {}
            page = wire.post("records/query", query=query, **more)
            found += page["records"]
            marker, pages = page.get("continuationMarker", ""), pages + 1
            assert len(page["records"]) <= 198
        return found

    def below(parent: str | None, depth: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for album in children(parent):
            if not album["recordName"].startswith("----"):
                yield depth, album
                if value(album, "albumType") == 3:
                    yield from below(album["recordName"], depth + 1)

    found = list(below(None, 0))
    folders = [depth for depth, album in found if value(album, "albumType") == 3]
    albums = [depth for depth, album in found if value(album, "albumType") == 0]
    assert folders == [0, 1, 2]
    assert len(albums) == 230
    assert set(albums) == {1, 2, 3}


def test_more_than_a_page_of_albums_in_one_place_is_paged(tmp_path: Path) -> None:
    with wired(tmp_path, "--synthetic", "photos=250,albums=250") as wire:
        query = {"recordType": "CPLAlbumByPositionLive"}
        first = wire.post("records/query", query=query)
        rest = wire.post(
            "records/query", query=query, continuationMarker=first["continuationMarker"]
        )
    assert (len(first["records"]), len(rest["records"])) == (198, 54)
    assert "continuationMarker" not in rest


def test_counts_can_disagree_and_indexing_can_be_under_way(wire: Wire) -> None:
    index = {"fieldValue": {"value": ["CPLAssetByAddedDate"]}}
    item = {"zoneID": {"zoneName": "PrimarySync"}, "query": {"filterBy": index}}

    def count() -> int:
        answer = wire.send("internal/records/query/batch", batch=[item]).json()
        found: int = answer["batch"][0]["records"][0]["fields"]["itemCount"]["value"]
        return found

    right = count()
    wire.admin("POST", "cloudkit", counts_off_by=-3, indexing="RUNNING", progress=42)
    (state,) = wire.query("CheckIndexingState")
    assert count() == right - 3
    assert (value(state, "state"), value(state, "progress")) == ("RUNNING", 42)
    wire.admin("POST", "cloudkit", counts_off_by=0, indexing="FINISHED", progress=100)
    assert count() == right == 340
    refused = wire.http.post("/admin/cloudkit", json={"indexing": "perhaps"})
    assert (refused.status_code, "indexing" in refused.json()["reason"]) == (400, True)


def zones(wire: Wire, database: str = "private") -> dict[str, dict[str, Any]]:
    listed = wire.send("zones/list", database).json()["zones"]
    return {zone["zoneID"]["zoneName"]: zone for zone in listed}


def test_shared_libraries_lie_in_both_databases(wire: Wire) -> None:
    own, invited = zones(wire), zones(wire, "shared")
    assert [name.split("-")[0] for name in own] == [
        "PrimarySync",
        "SharedSync",
        "CMM",
        "SharedCollection",
    ]
    assert [name.split("-")[0] for name in invited] == ["SharedSync"]
    for database, listed, count in (("private", own, 4), ("shared", invited, 3)):
        name = next(name for name in listed if name.startswith("SharedSync"))
        page = wire.feed(wire.feed(None, name, database=database)["syncToken"], name, database=database)  # fmt: skip
        assets = [r for r in page["records"] if r.get("recordType") == "CPLAsset"]
        assert len(assets) == count
        assert {r["zoneID"]["zoneName"] for r in assets} == {name}
        master = next(r for r in page["records"] if r.get("recordType") == "CPLMaster")
        assert len(download(wire, value(master, "resOriginalRes"))) == 100
    owners = {z["zoneID"]["ownerRecordName"] for z in (own["PrimarySync"], *invited.values())}
    assert len(owners) == 2


def test_a_shared_collection_answers_400(wire: Wire) -> None:
    name = next(name for name in zones(wire) if name.startswith("SharedCollection"))
    answer = wire.send("changes/zone", zones=[{"zoneID": {"zoneName": name}}])
    assert answer.status_code == 400


def test_a_token_holds_for_its_own_zone_only(wire: Wire) -> None:
    listed = zones(wire)
    shared = next(name for name in listed if name.startswith("SharedSync"))
    database = wire.send("changes/database").json()["syncToken"]
    for token in (listed[shared]["syncToken"], database):
        assert wire.feed(token)["serverErrorCode"] == "BAD_REQUEST"
    refused = wire.send("changes/database", syncToken=listed["PrimarySync"]["syncToken"])
    assert refused.status_code == 400


def test_the_database_says_which_zone_changed(wire: Wire) -> None:
    listed = zones(wire)
    shared = next(name for name in listed if name.startswith("SharedSync"))
    before = wire.send("changes/database").json()
    assert len(before["zones"]) == len(listed)
    page = wire.feed(wire.feed(None, shared)["syncToken"], shared)
    asset = next(r for r in page["records"] if r.get("recordType") == "CPLAsset")
    operations = [change(asset, isFavorite=1)]
    answer = wire.post("records/modify", shared, operations=operations)
    assert value(answer["records"][0], "isFavorite") == 1
    after = wire.send("changes/database", syncToken=before["syncToken"]).json()
    assert [zone["zoneID"]["zoneName"] for zone in after["zones"]] == [shared]
    again = wire.send("changes/database", syncToken=after["syncToken"]).json()
    assert again["zones"] == []


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Wire]:
    with wired(tmp_path, "--synthetic", "photos=12,seed=5,shared_master=0.3,albums=12") as wire:
        yield wire


def live(wire: Wire) -> set[str]:
    records = wire.query(ADDED, direction="ASCENDING", startRank=0)
    return {r["recordName"] for r in records if r["recordType"] == "CPLAsset"}


def test_after_thirty_days_a_deleted_photo_leaves_for_good(small: Wire) -> None:
    assets = {
        r["recordName"]: value(r, "masterRef")["recordName"]
        for r in small.query(ADDED, direction="ASCENDING", startRank=0)
        if r["recordType"] == "CPLAsset"
    }
    uses = Counter(assets.values())
    alone = next(asset for asset, master in assets.items() if uses[master] == 1)
    older = reversed(assets.items())
    paired = next(asset for asset, master in older if uses[master] == 2)
    now = zones(small)["PrimarySync"]["syncToken"]
    small.delete(alone, paired)
    small.later(days=30 * DAY - 60)
    assert len(small.lookup(alone)[0]["fields"]) > 3
    small.later(minutes=61)
    assert [r["serverErrorCode"] for r in small.lookup(alone, paired)] == ["NOT_FOUND"] * 2
    gone = {r["recordName"] for page in small.history(now) for r in page if r.get("deleted")}
    assert {alone, paired, assets[alone]} <= gone
    assert assets[paired] not in gone
    assert any(name.startswith(f"{alone}-IN-") for name in gone)
    assert small.simulator.asset(alone)["expunged"]
    assert live(small) == set(assets) - {alone, paired}
    other = next(a for a, m in assets.items() if m == assets[paired] and a != paired)
    small.admin("POST", "expunge", id=other)
    assert small.lookup(assets[paired])[0]["serverErrorCode"] == "NOT_FOUND"


def test_what_was_recovered_in_time_stays(small: Wire) -> None:
    name = min(live(small))
    small.delete(name)
    assert name not in live(small)
    deleted = small.query("CPLAssetAndMasterDeletedByExpungedDate", direction="ASCENDING", startRank=0)  # fmt: skip
    assert name in {record["recordName"] for record in deleted}
    (record,) = small.lookup(name)
    answer = small.post("records/modify", operations=[change(record, isDeleted=0)])
    assert not {"isDeleted", "dateExpunged"} & answer["records"][0]["fields"].keys()
    small.later(days=31 * DAY)
    assert name in live(small)


def test_an_address_dies_after_an_hour_of_the_simulated_clock(small: Wire) -> None:
    (master, _) = small.query(ADDED, 2, direction="ASCENDING", startRank=0)
    url = value(master, "resOriginalRes")["downloadURL"]
    small.later(minutes=59 * 60)
    assert small.http.get(url).status_code == 200
    small.later(minutes=60)
    assert small.http.get(url).status_code == 410
    fresh = value(small.lookup(master["recordName"])[0], "resOriginalRes")["downloadURL"]
    assert small.http.get(fresh).status_code == 200


def test_quick_deletions_are_throttled_until_time_has_passed(small: Wire) -> None:
    small.admin("POST", "cloudkit", deletions=3, deletions_seconds=50)
    names = sorted(live(small))
    small.delete(*names[:3])
    (record,) = small.lookup(names[3])
    zone, operations = {"zoneName": "PrimarySync"}, [change(record, isDeleted=1)]
    refused = small.send("records/modify", zoneID=zone, operations=operations)
    assert refused.status_code == 503
    assert 40 <= int(refused.headers["retry-after"]) <= 50
    assert names[3] in live(small)
    small.later(seconds=int(refused.headers["retry-after"]))
    accepted = small.send("records/modify", zoneID=zone, operations=operations)
    assert accepted.status_code == 200


def test_what_is_added_edited_hidden_and_filed_appears_in_the_feed(small: Wire) -> None:
    token = zones(small)["PrimarySync"]["syncToken"]
    added = small.admin("POST", "add", photos=3, bytes="50-60")["ids"]
    assert len(added) == 3
    page = small.feed(token)
    assert {r["recordName"] for r in page["records"] if r.get("recordType") == "CPLAsset"} == {
        *added
    }
    assert set(added) <= live(small)
    token = page["syncToken"]
    small.admin("POST", "edit", id=added[0], bytes=777)
    small.admin("POST", "hide", id=added[1])
    small.admin("POST", "add-to-album", id=added[2], album="Album 1")
    found = {r["recordName"]: r for page in small.history(token) for r in page}
    assert value(found[added[0]], "resJPEGFullRes")["size"] == 777
    first = download(small, value(found[added[0]], "resJPEGFullRes"))
    assert value(found[added[1]], "isHidden") == 1
    assert small.simulator.asset(added[2])["albums"] == ["Album 1"]
    small.admin("POST", "edit", id=added[0], bytes=777)
    again = small.lookup(added[0])[0]
    assert download(small, value(again, "resJPEGFullRes")) != first
    small.admin("POST", "revert", id=added[0])
    assert "resJPEGFullRes" not in small.lookup(added[0])[0]["fields"]


def test_ranges_of_made_up_bytes_are_those_of_the_whole() -> None:
    content = Synthetic(1, 7, "original", 2 * MIB + 1234, ".jpg")
    whole = b"".join(pieces(content, 0, content.size))
    assert len(whole) == content.size
    assert whole.startswith(b"\xff\xd8\xff\xe0")
    for start, end in ((0, 5), (30, 70), (MIB - 3, MIB + 50), (2 * MIB, content.size), (9, 9)):
        assert b"".join(pieces(content, start, end)) == whole[start:end]
    other = b"".join(pieces(Synthetic(1, 8, "original", content.size, ".jpg"), 0, content.size))
    for block in range(3):
        middle = slice(block * MIB + 500, block * MIB + 1000)
        assert whole[middle] != other[middle]


@pytest.mark.parametrize("text", ["photos=x", "unheard=1", "photos=1,bytes=9-2", "live=2"])
def test_a_malformed_recipe_is_refused_in_a_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--synthetic", text, "--run-dir", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def busy(pid: int) -> float:
    """Seconds that a process has computed; unlike the time that passed, others cannot lengthen it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_two_hundred_thousand_assets_are_quick_and_small(tmp_path: Path) -> None:
    with wired(tmp_path, "--synthetic", "photos=200000,bytes=80-120,favorite=0.05") as wire:
        pid = wire.simulator.process.pid
        assert busy(pid) < 15
        wire.query(ADDED, direction="ASCENDING", startRank=0)
        before, count = busy(pid), 0
        for rank in range(150_000, 155_000, 100):
            count += len(wire.query(ADDED, direction="ASCENDING", startRank=rank))
        token = wire.feed(None)["syncToken"]
        for _ in range(25):
            page = wire.feed(token)
            token, count = page["syncToken"], count + len(page["records"])
        assert count == 15_000
        assert count / (busy(pid) - before) > 3000
        added = wire.admin("POST", "add", photos=20)["ids"]
        newest = wire.query(ADDED, 40, direction="ASCENDING", startRank=0)
        assert {r["recordName"] for r in newest if r["recordType"] == "CPLAsset"} == set(added)
        status = Path(f"/proc/{pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 400_000
