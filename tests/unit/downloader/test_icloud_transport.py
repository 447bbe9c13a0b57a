"""What CloudKit and the content hosts can answer, sorted by what to do next."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from shared.adapters.icloud_download import ICloudDownload
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import ICloudSession
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import SignedIn, quiet_loggers
from shared.adapters.icloud_transport import CloudKit
from shared.adapters.icloud_zones import ICloudZones
from shared.domain.errors import PhotoductError, Transient, Waiting
from shared.ports.icloud import (
    Declined,
    RecordsSlowedDown,
    SlowedDown,
    TokenRefused,
    Unanswered,
    UrlExpired,
)

SIGNED = SignedIn("https://cloud.test", {"dsid": "1"}, {"Origin": "https://home.test"}, ())
Answer = Callable[[httpx.Request], httpx.Response]


class Played(ICloudSession):
    """A session that is signed in, talks to a function, and counts renewals."""

    def __init__(self, answer: Answer, folder: Path) -> None:
        client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        super().__init__(ICloudSettings(apple_id="a@b.test", session_dir=folder), client)
        self.renewals = 0

    async def signed(self) -> SignedIn:  # type: ignore[explicit-override]
        return SIGNED

    async def renew(self, stale: SignedIn | None) -> SignedIn:  # type: ignore[explicit-override]
        self.renewals += 1
        return SIGNED


def status(code: int, body: object = None, **headers: str) -> Answer:
    return lambda _request: httpx.Response(code, json=body or {}, headers=headers)


async def ask(answer: Answer, folder: Path) -> PhotoductError:
    session = Played(answer, folder)
    with pytest.raises(PhotoductError) as caught:
        await ICloudRecords(CloudKit(session)).changes("token")
    await session.client.aclose()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "kind", "attention"),
    [
        (status(421), Waiting, "icloud-session"),
        (status(401), Waiting, "icloud-session"),
        (status(503, **{"Retry-After": "77"}), Waiting, "icloud-slow"),
        (status(429), Waiting, "icloud-slow"),
        (status(200, {"serverErrorCode": "THROTTLED"}), Waiting, "icloud-slow"),
        (status(200, {"serverErrorCode": "ACCESS_DENIED"}), Waiting, "icloud-session"),
        (status(500), Unanswered, None),
        (status(200, [1]), Unanswered, None),
        (status(200, {"zones": [{"serverErrorCode": "BAD_REQUEST"}]}), TokenRefused, None),
        (status(200, {"zones": [{"serverErrorCode": "TRY_AGAIN_LATER"}]}), Waiting, "icloud-slow"),
        (status(200, {"zones": [{"serverErrorCode": "ZONE_NOT_FOUND"}]}), Declined, None),
        (status(200, {"zones": [{"records": []}]}), Declined, None),
        (status(200, {"zones": 3}), Declined, None),
        (status(400, {"serverErrorCode": "BAD_REQUEST"}), Declined, None),
        (status(404), Declined, None),
    ],
)
async def test_an_answer_says_what_to_do_next(
    answer: Answer, kind: type, attention: str | None, tmp_path: Path
) -> None:
    error = await ask(answer, tmp_path)
    assert isinstance(error, kind)
    assert getattr(error, "attention", None) == attention


async def test_apples_own_wish_to_wait_is_kept(tmp_path: Path) -> None:
    error = await ask(status(503, **{"Retry-After": "77"}), tmp_path)
    assert isinstance(error, Waiting)
    assert error.retry_after == 77


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "7200"}, 7200),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "nan"}, 60),
        (
            {
                "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
                "Retry-After": "Sun, 22 Nov 2026 12:01:17 GMT",
            },
            77,
        ),
    ],
)
async def test_apples_wish_is_read_in_either_form_and_kept_to_the_second(
    said: dict[str, str], seconds: float, tmp_path: Path
) -> None:
    error = await ask(status(429, **said), tmp_path)
    assert isinstance(error, SlowedDown)
    assert error.retry_after == seconds
    with pytest.raises(SlowedDown) as caught:
        await fetch(status(503, **said), tmp_path)
    assert caught.value.retry_after == seconds


async def test_one_record_that_wants_patience_slows_nobody_else_down(tmp_path: Path) -> None:
    slow = {"recordName": "B", "serverErrorCode": "TRY_AGAIN_LATER", "retryAfter": 9}
    session = Played(status(200, {"records": [{"recordName": "A", "fields": {}}, slow]}), tmp_path)
    found = await ICloudRecords(CloudKit(session)).lookup(["A", "B"])
    assert (set(found.found), set(found.failed)) == ({"A"}, {"B"})
    session = Played(status(200, {"records": [slow]}), tmp_path)
    with pytest.raises(RecordsSlowedDown) as caught:
        await ICloudRecords(CloudKit(session)).lookup(["B"])
    assert (caught.value.retry_after, set(caught.value.answer.failed)) == (9, {"B"})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("no line"), Waiting),
        (httpx.ReadTimeout("slow"), Unanswered),
        (httpx.RemoteProtocolError("cut"), Unanswered),
    ],
)
async def test_a_request_that_may_have_arrived_is_told_from_one_that_cannot_have(
    error: Exception, kind: type, tmp_path: Path
) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    assert isinstance(await ask(fail, tmp_path), kind)


async def test_a_dead_session_is_renewed_once_and_the_request_sent_again(tmp_path: Path) -> None:
    answers = iter([421, 200])
    page = {"zones": [{"records": [], "syncToken": "t", "moreComing": False}]}
    session = Played(lambda _: httpx.Response(next(answers), json=page), tmp_path)
    assert (await ICloudRecords(CloudKit(session)).changes(None)).token == "t"
    assert session.renewals == 1
    await session.client.aclose()


async def test_each_looked_up_name_is_found_missing_or_failed(tmp_path: Path) -> None:
    records = [
        {"recordName": "A", "fields": {}},
        {"recordName": "B", "serverErrorCode": "NOT_FOUND"},
        {"recordName": "C", "deleted": True},
        {"recordName": "D", "serverErrorCode": "INTERNAL_ERROR"},
        {"recordName": "unasked"},
        "nonsense",
    ]
    session = Played(status(200, {"records": records}), tmp_path)
    found = await ICloudRecords(CloudKit(session)).lookup(["A", "B", "C", "D", "E"])
    assert set(found.found) == {"A"}
    assert found.missing == {"B", "C"}
    assert set(found.failed) == {"D", "E"}
    with pytest.raises(Declined):
        await ICloudRecords(CloudKit(session)).whole("D")
    await session.client.aclose()


async def test_only_shared_libraries_are_looked_at_besides_the_own_one(tmp_path: Path) -> None:
    asked: list[str] = []

    def zone(name: object, **more: object) -> dict[str, object]:
        return {"zoneID": {"zoneName": name, "ownerRecordName": "o"}} | more

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.removeprefix("/database/1/com.apple.photos.cloud/production"))
        if not request.url.path.endswith("zones/list"):
            assert json.loads(request.content)["zones"][0]["zoneID"]["ownerRecordName"] == "o"
            return httpx.Response(
                200, json={"zones": [{"records": [], "syncToken": "s", "moreComing": False}]}
            )
        names = ["PrimarySync", "CMM-1", "SharedCollection-1", 7, None]
        if "shared" in request.url.path:
            names = ["SharedSync-1", "CMM-2"]
        gone = zone("SharedSync-0", deleted=True)
        return httpx.Response(200, json={"zones": [gone, 3, *map(zone, names)]})

    session = Played(serve, tmp_path)
    assert await ICloudZones(session).names() == ("PrimarySync",)
    assert asked == []
    session.settings = ICloudSettings(session_dir=tmp_path, shared_library=True)
    assert await ICloudZones(session).names() == ("PrimarySync", "SharedSync-1")
    records = await ICloudZones(session).records("SharedSync-1")
    assert (await records.changes(None)).token == "s"
    assert asked[-1] == "/shared/changes/zone"
    with pytest.raises(Declined, match="no zone"):
        await ICloudZones(session).records("SharedSync-9")
    await session.client.aclose()


async def fetch(answer: Answer, folder: Path, start: int = 0) -> tuple[int, int, bytes]:
    session = Played(answer, folder)
    try:
        async with ICloudDownload(session)("https://files.test/B/x/${f}?e=1", start) as incoming:
            body = b"".join([chunk async for chunk in incoming.chunks])
            return incoming.start, incoming.length, body
    finally:
        await session.client.aclose()


def body(status: int, data: bytes, **headers: str) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    length = {"Content-Length": str(len(data))}
    return httpx.Response(status, content=pieces(), headers=length | headers)


async def test_a_file_is_streamed_from_where_it_is_wanted(tmp_path: Path) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        assert request.headers["Range"] == "bytes=2-"
        assert request.headers["Accept-Encoding"] == "identity"
        return body(206, b"cdef", **{"Content-Range": "bytes 2-5/6"})

    assert await fetch(serve, tmp_path, start=2) == (2, 4, b"cdef")
    assert await fetch(lambda _: body(200, b"abcdef"), tmp_path) == (0, 6, b"abcdef")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(410, UrlExpired), (403, UrlExpired), (503, Waiting), (500, Transient), (302, Transient)],
)
async def test_a_file_that_is_not_served_is_sorted_too(
    code: int, kind: type, tmp_path: Path
) -> None:
    with pytest.raises(kind):
        await fetch(status(code), tmp_path)


async def test_a_body_of_unknown_length_is_refused(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"who knows"

    with pytest.raises(Transient, match="how long"):
        await fetch(lambda _: httpx.Response(200, content=chunks()), tmp_path)


async def test_a_part_without_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="did not say which"):
        await fetch(lambda _: httpx.Response(206, content=b"x"), tmp_path)


@pytest.mark.parametrize(
    "address",
    ["http://files.test/x", "", "https://SECRET:b:c/", "https://SECRET/\n", "https://xn--a/SECRET"],
)
async def test_what_is_no_address_of_apples_is_never_asked(address: str, tmp_path: Path) -> None:
    session = Played(status(200), tmp_path)
    with pytest.raises(UrlExpired) as caught:
        async with ICloudDownload(session)(address, 0):
            pass
    assert "SECRET" not in str(caught.value)
    await session.client.aclose()


def test_nothing_that_carries_tokens_is_logged() -> None:
    quiet_loggers()
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("pyicloud.session").isEnabledFor(logging.ERROR)
    assert "dsid" not in repr(SIGNED)


def test_china_mainland_has_its_own_hosts() -> None:
    assert ICloudSettings(china_mainland=True).setup_host == "https://setup.icloud.com.cn"
    assert ICloudSettings().auth_host == "https://idmsa.apple.com"
    assert ICloudSettings(server="https://sim.test").home_host == "https://sim.test"
