"""Each clause of "the phone holds this file" alone makes the answer something else than `Held`."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.pixel_sync.ports import ChangedOnPhone, Freed, Held, Holding, Lack, NotYet, StagedFile
from services.pixel_sync.syncthing import SyncthingPhone
from services.pixel_sync.syncthing_answers import check_folder, nanoseconds
from services.pixel_sync.syncthing_rest import SyncthingAddress
from shared.domain.errors import Fatal, Permanent, PhotoductError, Transient

PIX, SERVER = "PIXPIXP-AAAAAAA", "SRVSRVS-AAAAAAA"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FILE = StagedFile("2024/IMG_1.jpg", 3000, 1_795_365_073_795_275_091)
INFO = {
    "deleted": False,
    "invalid": False,
    "ignored": False,
    "modified": "2026-11-22T16:31:13.795275091Z",
    "modifiedBy": SERVER[:7],
    "size": 3000,
    "version": ["SRVSRVS:1"],
}
HELD: dict[str, Any] = {
    "availability": [{"id": PIX, "fromTemporary": False}],
    "global": INFO,
    "local": INFO,
}
Answers = dict[str, Any]


def client(
    answers: Answers, asked: list[httpx.Request] | None = None, **options: Any
) -> SyncthingPhone:
    """A client whose Syncthing answers from a table; an int is a status, a callable is called."""

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        found = answers.get(request.url.path.removeprefix("/rest/"), 404)
        if callable(found):
            found = found(request)
        if isinstance(found, int):
            return httpx.Response(found, text="no")
        return httpx.Response(200, json=found)

    address = SyncthingAddress("http://127.0.0.1:1", "key", "pixel", PIX)
    transport = httpx.MockTransport(answer)
    return SyncthingPhone(address, now=lambda: NOON, transport=transport, **options)


async def ask(file_answer: Any, completion: Any = None) -> Holding:
    answers = {"db/completion": completion or {"remoteState": "valid"}, "db/file": file_answer}
    async with client(answers) as phone:
        return (await phone.holdings([FILE]))[FILE]


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    answer = copy.deepcopy(HELD)
    for part, values in parts.items():
        answer[part] = answer[part] | values
    return answer


async def test_held_when_every_clause_is_met() -> None:
    assert await ask(HELD) == Held()
    assert await ask(HELD, {"completion": 100}) == Held(), "1.19 states no remoteState"


NEWER = {"version": ["PIXPIXP:2", "SRVSRVS:1"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (404, NotYet(Lack.NOT_SCANNED)),
        (HELD | {"availability": None}, NotYet(Lack.NOT_ON_PHONE)),
        (HELD | {"availability": []}, NotYet(Lack.NOT_ON_PHONE)),
        (
            HELD | {"availability": [{"id": "OTHER", "fromTemporary": False}]},
            NotYet(Lack.NOT_ON_PHONE),
        ),
        (
            HELD | {"availability": [{"id": PIX, "fromTemporary": True}]},
            NotYet(Lack.PARTLY_THERE),
        ),
        (HELD | {"availability": [{"id": PIX}]}, NotYet(Lack.PARTLY_THERE)),
        (changed(**{"global": {"invalid": True}}), NotYet(Lack.INVALID)),
        (changed(**{"global": {"ignored": True}}), NotYet(Lack.INVALID)),
        (HELD | {"local": {}}, NotYet(Lack.INVALID)),
        (changed(**{"global": {"size": 2999}}), NotYet(Lack.STALE_SCAN)),
        (
            changed(**{"global": {"modified": "2026-11-22T16:31:13.795275092Z"}}),
            NotYet(Lack.STALE_SCAN),
        ),
        (changed(**{"global": NEWER}), NotYet(Lack.STALE_SCAN)),
        (changed(**{"global": NEWER | {"modifiedBy": PIX[:7]}}), ChangedOnPhone()),
        (changed(**{"global": {"deleted": True}}), NotYet(Lack.DELETED_HERE)),
        (
            changed(
                **{
                    "global": {
                        "deleted": True,
                        "modifiedBy": PIX[:7],
                        "modified": "2026-11-22T17:00:00+01:00",
                    }
                }
            ),
            Freed(datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ),
    ],
)
async def test_each_clause_counts(answer: Any, expected: Holding) -> None:
    assert await ask(answer) == expected


@pytest.mark.parametrize(
    ("state", "lack"),
    [
        ("unknown", Lack.NOT_ON_PHONE),
        ("notSharing", Lack.NOT_SHARING),
        ("paused", Lack.NOT_SHARING),
    ],
)
async def test_only_a_valid_remote_state_holds(state: str, lack: Lack) -> None:
    assert await ask(HELD, {"remoteState": state}) == NotYet(lack)


async def test_a_paused_folder_holds_nothing() -> None:
    async with client({"db/file": HELD}) as phone:
        assert await phone.holdings([FILE]) == {FILE: NotYet(Lack.NOT_SCANNED)}


async def test_many_files_are_filtered_by_one_question() -> None:
    needed = {"files": [{"name": FILE.path}], "page": 1}
    answers = {"db/completion": {"x": 1}, "db/remoteneed": needed, "db/file": HELD}
    other = StagedFile("other.jpg", FILE.size, FILE.mtime_ns)
    asked: list[httpx.Request] = []
    async with client(answers, asked, prefilter_above=1) as phone:
        held = await phone.holdings([FILE, other])
    assert held == {FILE: NotYet(Lack.NOT_ON_PHONE), other: Held()}
    assert [request.url.path for request in asked].count("/rest/db/file") == 1


async def test_freed_lists_the_phones_deletions_only() -> None:
    row = {"modified": "2026-01-01T12:00:00Z"}
    need = {
        "progress": [],
        "queued": None,
        "rest": [
            row | {"name": "a", "deleted": True, "modifiedBy": PIX[:7]},
            row | {"name": "b", "deleted": True, "modifiedBy": "ANOTHER"},
            row | {"name": "c", "deleted": False, "modifiedBy": PIX[:7]},
        ],
    }
    async with client({"db/status": {"needDeletes": 2}, "db/need": need}) as phone:
        assert await phone.freed() == {"a": Freed(NOON)}


@pytest.mark.parametrize(
    ("links", "seen", "expected"),
    [
        ({PIX: {"connected": True}}, "2026-01-01T11:00:00Z", NOON),
        ({PIX: {"connected": False}}, "2026-01-01T11:00:00Z", NOON - timedelta(hours=1)),
        ({}, "1970-01-01T00:00:00Z", None),
        ({}, "0001-01-01T00:00:00Z", None),
        ({}, None, None),
    ],
)
async def test_phone_seen(links: Any, seen: str | None, expected: datetime | None) -> None:
    stats = {PIX: {"lastSeen": seen}} if seen else {}
    answers = {"system/connections": {"connections": links}, "stats/device": stats}
    async with client(answers) as phone:
        assert await phone.phone_seen() == expected


async def test_a_restart_of_syncthing_resets_the_event_cursor() -> None:
    boots = iter(["one", "one", "two"])
    asked: list[httpx.Request] = []
    answers: Answers = {
        "system/status": lambda _: {"startTime": next(boots)},
        "events": [{"id": 41}, {"id": 42}],
    }
    async with client(answers, asked) as phone:
        for _ in range(3):
            assert await phone.wait_for_change(timedelta(seconds=5))
    polls = [r.url.params["since"] for r in asked if r.url.path == "/rest/events"]
    assert polls == ["0", "42", "0"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, Fatal),
        (401, Fatal),
        (500, Transient),
        (503, Transient),
        (429, Transient),
        (400, Permanent),
        (404, Permanent),
    ],
)
async def test_errors_say_what_comes_next(status: int, error: type[PhotoductError]) -> None:
    async with client({"db/scan": status}) as phone:
        with pytest.raises(error):
            await phone.scan("a.jpg")


async def test_silence_is_transient_and_the_key_stays_secret() -> None:
    def refuse(request: httpx.Request) -> int:
        raise httpx.ConnectError("refused", request=request)

    async with client({"db/scan": refuse}) as phone:
        with pytest.raises(Transient) as raised:
            await phone.scan("a.jpg")
    assert "key" not in str(raised.value)
    assert "hush" not in repr(SyncthingAddress("http://x", "hush", "pixel", PIX))


GOOD = {"id": "pixel", "type": "sendonly", "devices": [{"deviceID": PIX}, {"deviceID": SERVER}]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "sendreceive"}, "sendonly"),
        ({"autoNormalize": True}, "autoNormalize"),
        ({"ignoreDelete": True}, "ignoreDelete"),
        ({"devices": []}, "not shared"),
    ],
)
def test_a_dangerous_folder_is_fatal(change: dict[str, Any], words: str) -> None:
    check_folder(GOOD, device=PIX, me=SERVER)
    with pytest.raises(Fatal, match=words):
        check_folder(GOOD | change, device=PIX, me=SERVER)


def test_a_paused_folder_is_transient_and_the_server_is_no_phone() -> None:
    with pytest.raises(Transient, match="paused"):
        check_folder(GOOD | {"paused": True}, device=PIX, me=SERVER)
    with pytest.raises(Fatal, match="itself"):
        check_folder(GOOD, device=SERVER, me=SERVER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T01:00:01.000000001+01:00", 1_000_000_001),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_times_are_exact(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected


def test_an_unreadable_time_is_transient() -> None:
    with pytest.raises(Transient):
        nanoseconds("yesterday")


async def test_what_is_not_syncthing_is_noticed() -> None:
    async with client({"system/status": {"startTime": "x"}, "events": 404}) as phone:
        with pytest.raises(Permanent):
            await phone.wait_for_change(timedelta(seconds=1))
    async with client(
        {"db/completion": {"x": 1}, "db/file": HELD | {"global": {"deleted": False}}}
    ) as phone:
        assert (await phone.holdings([FILE]))[FILE] != Held()
