"""Whatever Apple's servers do wrong now and then, the simulated ones do when they are told to."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.icloud_wire import ADDED, Wire, change, wired

SIZE = 300_000


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("faults")
    with wired(folder, "--synthetic", f"photos=30,bytes={SIZE},seed=4") as wire:
        yield wire


@pytest.fixture
def wire(started: Wire) -> Iterator[Wire]:
    started.admin("POST", "requests", reset=True)
    yield started
    started.admin("DELETE", "faults")
    started.admin("POST", "line", latency_ms=0, mbit=0)


def newest(wire: Wire) -> tuple[dict[str, Any], dict[str, Any]]:
    master, asset = wire.query(ADDED, 2, direction="ASCENDING", startRank=0)
    return master, asset


def address(wire: Wire) -> str:
    url: str = newest(wire)[0]["fields"]["resOriginalRes"]["value"]["downloadURL"]
    return url


def fetch(wire: Wire, url: str, **headers: str) -> httpx.Response:
    return wire.http.get(url, headers=headers)


def received(wire: Wire, url: str) -> int:
    """How many bytes of a body come before the connection ends."""
    count = 0
    with wire.http.stream("GET", url) as answer:
        assert int(answer.headers["content-length"]) == SIZE
        try:
            for block in answer.iter_raw():
                count += len(block)
        except httpx.RemoteProtocolError:
            return count
    raise AssertionError("the body was whole")


def test_a_refusal_tells_when_to_come_again(wire: Wire) -> None:
    wire.fault(kind="records/query", do="status", status=429, retry_after="3", times=2)
    answers = [wire.send("records/query", query={"recordType": ADDED}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].headers["retry-after"] == "3"
    assert len(newest(wire)) == 2
    assert wire.fired() == [2]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("signin/init", "/appleauth/auth/signin/init"),
        ("accountLogin", "/setup/ws/1/accountLogin"),
        ("any", "/setup/ws/1/validate"),
    ],
)
def test_signing_in_can_fail_too(wire: Wire, kind: str, path: str) -> None:
    wire.fault(kind=kind, do="status", retry_after=9, times=1)
    answer = wire.http.post(path, json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert wire.send("zones/list").status_code == 200


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({"nth": 3}, [3]),
        ({"every": 2}, [2, 4, 6]),
        ({"every": 2, "times": 1}, [2]),
        ({"seconds": 60}, [1, 2, 3, 4, 5, 6]),
        ({"seconds": 0}, []),
        ({"probability": 0}, []),
        ({"probability": 1, "times": 2}, [1, 2]),
    ],
)
def test_a_fault_strikes_when_it_was_told_to(
    wire: Wire, when: dict[str, float], struck: list[int]
) -> None:
    wire.fault(kind="zones/list", do="status", status=500, **when)
    answers = [wire.send("zones/list").status_code for _ in range(6)]
    assert [number for number, status in enumerate(answers, 1) if status == 500] == struck


def test_the_same_seed_strikes_the_same_requests(wire: Wire) -> None:
    def drawn() -> list[int]:
        wire.fault(do="status", probability=0.5, seed=7)
        found = [wire.send("zones/list").status_code for _ in range(20)]
        wire.admin("DELETE", "faults")
        return found

    first = drawn()
    assert set(first) == {200, 503}
    assert drawn() == first


def test_a_fault_can_be_meant_for_one_asset_only(wire: Wire) -> None:
    masters = wire.query(ADDED, 6, direction="ASCENDING", startRank=0)[:3]
    assets = wire.query(ADDED, 6, direction="ASCENDING", startRank=0)[3:]
    wire.fault(kind="download", do="expired", asset=assets[1]["recordName"])
    urls = [master["fields"]["resOriginalRes"]["value"]["downloadURL"] for master in masters]
    assert [fetch(wire, url).status_code for url in urls] == [200, 410, 200]
    wire.fault(kind="records/lookup", do="status", record=masters[0]["recordName"])
    assert wire.lookup(masters[1]["recordName"])[0]["recordName"] == masters[1]["recordName"]
    asked = [{"recordName": masters[0]["recordName"]}]
    refused = wire.send("records/lookup", zoneID={"zoneName": "PrimarySync"}, records=asked)
    assert refused.status_code == 503


@pytest.mark.parametrize(("told", "bytes_"), [(1000, 1000), (0.5, SIZE // 2), (0, 0)])
def test_a_truncated_body_ends_before_the_promised_length(
    wire: Wire, told: float, bytes_: int
) -> None:
    url = address(wire)
    wire.fault(kind="download", do="truncate", bytes=told, times=1)
    assert received(wire, url) == bytes_
    assert len(fetch(wire, url).content) == SIZE


def test_a_short_body_looks_complete(wire: Wire) -> None:
    url = address(wire)
    wire.fault(kind="download", do="short", bytes=1000, times=1)
    answer = fetch(wire, url)
    assert (answer.status_code, len(answer.content)) == (200, 1000)
    assert answer.content == fetch(wire, url).content[:1000]


def test_a_flipped_body_has_the_right_length(wire: Wire) -> None:
    url = address(wire)
    wire.fault(kind="download", do="flip", times=1)
    wrong, right = fetch(wire, url).content, fetch(wire, url).content
    assert len(wrong) == len(right) == SIZE
    assert [at for at in range(SIZE) if wrong[at] != right[at]] == [SIZE // 2]


def test_a_stalled_body_goes_on_later_or_never(wire: Wire) -> None:
    url = address(wire)
    wire.fault(kind="download", do="stall", bytes=1000, seconds=0.3, times=1)
    begun = time.monotonic()
    assert len(fetch(wire, url).content) == SIZE
    assert time.monotonic() - begun >= 0.3
    wire.fault(kind="download", do="stall", bytes=1000)
    with pytest.raises(httpx.ReadTimeout):
        wire.http.get(url, timeout=httpx.Timeout(30, read=0.3))


def test_a_connection_can_be_reset_before_the_answer(wire: Wire) -> None:
    wire.fault(kind="zones/list", do="close", times=1)
    with pytest.raises(httpx.TransportError):
        wire.send("zones/list")
    assert wire.send("zones/list").status_code == 200


def test_an_answer_can_be_lost_after_the_deed(wire: Wire) -> None:
    _, asset = newest(wire)
    wire.fault(kind="records/modify", do="lost", times=1)
    with pytest.raises(httpx.TransportError):
        wire.post("records/modify", operations=[change(asset, isFavorite=1)])
    assert wire.lookup(asset["recordName"])[0]["fields"]["isFavorite"]["value"] == 1


def test_an_error_can_come_as_a_body_of_seventeen_bytes(wire: Wire) -> None:
    url = address(wire)
    wire.fault(kind="download", do="error_body", times=1)
    answer = fetch(wire, url)
    assert (answer.status_code, len(answer.content)) == (200, 17)


def test_a_range_is_served_and_can_be_ignored(wire: Wire) -> None:
    url = address(wire)
    whole = fetch(wire, url).content
    for asked, start, end in (
        ("bytes=100000-", 100_000, SIZE),
        ("bytes=5-9", 5, 10),
        ("bytes=-20", SIZE - 20, SIZE),
    ):
        part = fetch(wire, url, Range=asked)
        assert (part.status_code, part.content) == (206, whole[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert fetch(wire, url, Range=f"bytes={SIZE}-").status_code == 416
    wire.fault(kind="download", do="ignore_range", times=1)
    answer = fetch(wire, url, Range="bytes=5-9")
    assert (answer.status_code, answer.content) == (200, whole)


def test_a_request_can_be_held_up(wire: Wire) -> None:
    wire.fault(kind="zones/list", do="delay", seconds=0.2, times=1)
    begun = time.monotonic()
    assert wire.send("zones/list").status_code == 200
    assert time.monotonic() - begun >= 0.2


def test_throttling_and_nonsense_come_with_status_200(wire: Wire) -> None:
    wire.fault(kind="changes/zone", do="throttled", retry_after=4, times=1)
    answer = wire.send("changes/zone", zones=[])
    assert (answer.status_code, answer.json()["serverErrorCode"]) == (200, "THROTTLED")
    assert answer.json()["retryAfter"] == 4
    wire.fault(kind="changes/zone", do="not_json", times=1)
    assert not wire.send("changes/zone", zones=[]).text.startswith("{")
    wire.fault(kind="changes/zone", do="signed_out", times=1)
    assert wire.send("changes/zone", zones=[]).status_code == 421


def test_single_records_can_be_refused(wire: Wire) -> None:
    first, second = wire.query(ADDED, 4, direction="ASCENDING", startRank=0)[2:]
    wire.fault(
        kind="records/modify", do="record_error", code="CAS_OP_LOCK", record=first["recordName"]
    )
    operations = [change(first, isHidden=1), change(second, isHidden=1)]
    answer = wire.post("records/modify", operations=operations, atomic=False)
    assert [r.get("serverErrorCode") for r in answer["records"]] == ["CAS_OP_LOCK", None]
    found = wire.lookup(first["recordName"], second["recordName"])
    assert ["isHidden" in record["fields"] for record in found] == [False, True]
    wire.fault(kind="records/lookup", do="record_error", code="TRY_AGAIN_LATER", times=1)
    refused = wire.lookup(first["recordName"], second["recordName"])
    assert {r.get("serverErrorCode") for r in refused} == {"TRY_AGAIN_LATER"}


def test_pages_of_changes_can_be_refused_emptied_split_and_garbled(wire: Wire) -> None:
    token = wire.feed(None)["syncToken"]
    usual = [record["recordName"] for page in wire.history() for record in page]
    wire.fault(kind="changes/zone", do="bad_token", times=1)
    assert wire.feed(token)["serverErrorCode"] == "BAD_REQUEST"
    wire.fault(kind="changes/zone", do="empty_page", nth=2)
    wire.fault(kind="changes/zone", do="split", nth=3)
    wire.fault(kind="changes/zone", do="garble", nth=1)
    pages = wire.history(token)
    assert "GARBLED" in [record["recordName"] for record in pages[0]]
    assert [record["recordName"] for page in wire.history(token) for record in page] == usual


def test_a_split_leaves_a_master_and_its_asset_on_different_pages(wire: Wire) -> None:
    token = wire.feed(None)["syncToken"]
    wire.fault(kind="changes/zone", do="split", times=1)
    first, second = wire.history(token)[:2]
    last = first[-1]
    assert last["recordType"] == "CPLMaster"
    assert second[0]["fields"]["masterRef"]["value"]["recordName"] == last["recordName"]


def test_an_emptied_page_costs_nothing_but_another_request(wire: Wire) -> None:
    token = wire.feed(None)["syncToken"]
    usual = [len(page) for page in wire.history(token)]
    wire.fault(kind="changes/zone", do="empty_page", times=2)
    assert [len(page) for page in wire.history(token)] == [0, 0, *usual]


def test_an_empty_page_of_a_query_is_not_the_end(wire: Wire) -> None:
    wire.fault(kind="records/query", do="empty_page", times=1)
    assert [len(wire.query(ADDED)) for _ in range(2)] == [0, 60]


def test_the_record_of_one_asset_can_be_garbled(wire: Wire) -> None:
    _, asset = newest(wire)
    name = asset["recordName"]
    wire.fault(kind="records/query", do="garble", asset=name)
    records = wire.query(ADDED, 6, direction="ASCENDING", startRank=0)
    spoilt = [r["recordName"] for r in records if r["fields"].get("assetDate") == "no object"]
    assert name in spoilt
    assert len(records) == 6


@pytest.mark.parametrize("told", [{"do": "nothing"}, {"do": "close", "kind": "unheard"}, {}])
def test_a_malformed_fault_is_refused_with_a_reason(wire: Wire, told: dict[str, str]) -> None:
    answer = wire.http.post("/admin/faults", json=told)
    assert answer.status_code == 400
    assert answer.json()["reason"]


def test_requests_and_bytes_are_counted(wire: Wire) -> None:
    url = address(wire)
    wire.fault(kind="download", do="stall", bytes=0, seconds=0.01)
    wire.admin("POST", "line", mbit=0.5)  # none has ended before all have begun
    with ThreadPoolExecutor(4) as pool:
        fetched = pool.map(lambda _: fetch(wire, url), range(4))
        while wire.admin("GET", "requests")["in_flight"] < 4:
            time.sleep(0.01)
        wire.admin("POST", "line", mbit=0)
        list(fetched)
    told = wire.admin("GET", "requests?log=1")
    while told["in_flight"]:
        told = wire.admin("GET", "requests?log=1")
    assert told["counts"]["download"] == 4
    assert told["peak_in_flight"]["download"] == 4
    assert told["bytes"] == 4 * SIZE
    last = told["log"][-1]
    assert (last["kind"], last["status"], last["bytes"]) == ("download", 200, SIZE)
    assert last["fault"] == "stall"


def test_the_line_has_a_latency_and_one_bandwidth_for_all(wire: Wire) -> None:
    url = address(wire)
    wire.admin("POST", "line", latency_ms=100, mbit=16)
    begun = time.monotonic()
    wire.send("zones/list")
    assert time.monotonic() - begun >= 0.1
    begun = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: fetch(wire, url), range(3)))
    assert time.monotonic() - begun > 0.9 * (3 * SIZE * 8 / 16e6)
