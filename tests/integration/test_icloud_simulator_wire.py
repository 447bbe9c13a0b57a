"""The simulated CloudKit answers in the form that was recorded from Apple's servers."""

import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import srp  # type: ignore[import-untyped]
from pyicloud.srp_password import SrpPassword, SrpProtocolType

from simulators.icloud.account import Account
from simulators.icloud.app import app_of, make_app, make_world
from simulators.icloud.folder_scan import read_library
from simulators.icloud.library import LibraryError

RECORDINGS = Path(__file__).with_name("icloud_sim_recordings.json")
ZONE = {"zoneName": "PrimarySync", "zoneType": "REGULAR_CUSTOM_ZONE"}
ROOT = "https://icloud.test/database/1/com.apple.photos.cloud/production/private"
PHOTOS = 7
VOLATILE = frozenset(
    {"recordChangeTag", "syncToken", "timestamp", "userRecordName", "ownerRecordName"}
    | {"expirationTime"}
)
# What the recording's own library held, or other requests of that day had written.
OWN_DATA = frozenset(
    {"assetDate", "addedDate", "dateExpunged", "timeZoneNameEnc", "albumNameEnc", "masterRef"}
    | {"userModificationDate"}
)


@dataclass
class Cloud:
    """The simulator in this process, a signed-in client, and a clock to turn."""

    account: Account
    http: httpx.AsyncClient
    now: list[int] = field(default_factory=list)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self.http.post(f"{ROOT}/{path}", json={"zoneID": ZONE, **body})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def query(self, kind: str, limit: int = 200, **filters: Any) -> list[dict[str, Any]]:
        wire = [
            {"fieldName": name, "comparator": "EQUALS", "fieldValue": {"value": value}}
            for name, value in filters.items()
        ]
        body = {"recordType": kind, "filterBy": wire}
        found: list[dict[str, Any]] = (
            await self.post("records/query", query=body, resultsLimit=limit)
        )["records"]
        return found

    async def record(self, name: str) -> dict[str, Any]:
        found = await self.post("records/lookup", records=[{"recordName": name}])
        record: dict[str, Any] = found["records"][0]
        return record

    def change(self, kind: str, name: str, *, tag: str = "", **fields: Any) -> dict[str, Any]:
        record: dict[str, Any] = {"recordName": name, "recordType": "CPLAsset"}
        record |= {"fields": {key: {"value": value} for key, value in fields.items()}}
        record |= {"recordChangeTag": tag} if tag else {}
        return {"operationType": kind, "record": record}

    async def feed(self, token: str | None, limit: int = 200) -> dict[str, Any]:
        asked = {"zoneID": ZONE} | ({"syncToken": token} if token else {})
        page: dict[str, Any] = (await self.post("changes/zone", zones=[asked], resultsLimit=limit))[
            "zones"
        ][0]
        return page


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    assets: list[dict[str, Any]] = []
    for number in range(PHOTOS):
        (tmp_path / f"{number}.jpg").write_bytes(b"bytes of %d " % number * 100)
        day = f"2021-06-0{number + 1}T10:00:00+02:00"
        name = "ASSET_RECORD_ID_031" if number == 0 else f"ASSET-{number}"
        assets.append(
            {"id": name, "filename": f"{number}.jpg", "created": day, "albums": ["Album"]}
        )
        assets[-1]["resources"] = {"original": f"{number}.jpg"}
    for number in (1, 2):
        assets[number]["master"] = "shared by two"
    (tmp_path / "library.json").write_text(json.dumps({"assets": assets}))
    account, now = Account("demo@example.com", "secret"), [1_700_000_000_000]
    app = make_app(read_library(tmp_path), tmp_path, account, lambda: now[0])
    cookies = {"X-APPLE-WEBAUTH-TOKEN": account.open_web_session()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, cookies=cookies, base_url="https://icloud.test"
    ) as http:
        yield Cloud(account, http, now)


def assert_same_form(actual: Any, recorded: Any, path: str = "") -> None:
    """Hold an answer against a recording: the same keys, types and fixed values."""
    key = path.rpartition(".")[2]
    assert type(actual) is type(recorded), path
    if isinstance(recorded, dict):
        assert set(actual) == set(recorded), path
        for name, value in recorded.items():
            own = key in OWN_DATA and name == "value"
            if not own:
                assert_same_form(actual[name], value, f"{path}.{name}")
    elif isinstance(recorded, list):
        assert len(actual) == len(recorded), path
        for number, pair in enumerate(zip(actual, recorded, strict=True)):
            assert_same_form(*pair, f"{path}[{number}]")
    elif key not in VOLATILE:
        assert actual == recorded, path


class Replay:
    """Sends recorded requests with today's names and tags in the places of the recorded ones."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._recordings = json.loads(RECORDINGS.read_text())
        self._album = ""

    async def __call__(self, name: str) -> dict[str, Any]:
        pair = self._recordings[name]
        request = self._today(pair["request"])
        for operation in request["operations"]:
            if "recordChangeTag" in operation["record"]:
                current = await self._cloud.record(operation["record"]["recordName"])
                operation["record"]["recordChangeTag"] = current["recordChangeTag"]
        answer = await self._cloud.post("records/modify", **request)
        if name == "album_create":
            self._album = answer["records"][0]["recordName"]
        assert_same_form(answer, self._today(pair["response"]), name)
        return answer

    def _today(self, wire: Any) -> Any:
        text = json.dumps(wire)
        found: Any = json.loads(
            text.replace("ALBUM_RECORD_ID_001", self._album or "ALBUM_RECORD_ID_001")
        )
        return found


async def test_what_apples_web_client_sent_is_answered_as_apple_did(cloud: Cloud) -> None:
    replay = Replay(cloud)
    await replay("album_create")
    renamed = await replay("album_rename")
    fields = renamed["records"][0]["fields"]
    assert fields["userModificationDate"]["value"] == 1775666024305
    assert fields["albumNameEnc"]["value"] == "QUxCVU1fTkFNRV9FTkNfMDI4"
    await replay("album_add_photo")
    await replay("album_remove_photo")
    gone = await replay("photo_delete")
    record = gone["records"][0]
    expunged = record["fields"]["dateExpunged"]["value"]
    assert expunged == cloud.now[0] + 30 * 86_400_000
    assert record["expirationTime"] == expunged // 1000 + 10 * 86_400
    await replay("album_delete")


async def test_a_page_has_all_masters_before_the_assets(cloud: Cloud) -> None:
    all_photos = "CPLAssetAndMasterByAssetDateWithoutHiddenOrDeleted"
    records = await cloud.query(all_photos, direction="ASCENDING", startRank=0)
    kinds = [record["recordType"] for record in records]
    assert kinds == ["CPLMaster"] * (PHOTOS - 1) + ["CPLAsset"] * PHOTOS
    assert records[-1]["recordName"] == "ASSET_RECORD_ID_031"
    window = await cloud.query(all_photos, 6, direction="DESCENDING", startRank=2)
    assert [r["recordName"] for r in window[3:]] == ["ASSET-4", "ASSET-5", "ASSET-6"]
    album = (await cloud.query("CPLAlbumByPositionLive"))[-1]["recordName"]
    members = await cloud.query(
        "CPLContainerRelationLiveByAssetDate", 6, direction="ASCENDING", startRank=1, parentId=album
    )
    kinds = [record["recordType"] for record in members]
    assert kinds == ["CPLContainerRelation"] * 2 + ["CPLMaster"] * 2 + ["CPLAsset"] * 2


async def test_the_root_folder_is_not_its_own_child(cloud: Cloud) -> None:
    top = {r["recordName"] for r in await cloud.query("CPLAlbumByPositionLive")}
    inner = await cloud.query("CPLAlbumByPositionLive", parentId="----Root-Folder----")
    assert "----Root-Folder----" in top
    assert "----Root-Folder----" not in {record["recordName"] for record in inner}


async def test_rejected_records_hide_in_an_answer_of_200(cloud: Cloud) -> None:
    good = await cloud.record("ASSET-3")
    tag = good["recordChangeTag"]
    operations = [
        cloud.change("update", "ASSET-3", tag=tag, isFavorite=1),
        cloud.change("update", "ASSET-4", tag="stale", isDeleted=1),
        cloud.change("update", "ASSET-99", tag=tag, isDeleted=1),
        cloud.change("update", "ASSET-5", isDeleted=1),
    ]
    atomic = await cloud.post("records/modify", operations=operations, atomic=True)
    codes = [record.get("serverErrorCode") for record in atomic["records"]]
    assert codes == ["ATOMIC_ERROR", "CAS_OP_LOCK", "NOT_FOUND", "BAD_REQUEST"]
    assert (await cloud.record("ASSET-3"))["recordChangeTag"] == tag
    single = await cloud.post("records/modify", operations=operations, atomic=False)
    codes = [record.get("serverErrorCode") for record in single["records"]]
    assert codes == [None, "CAS_OP_LOCK", "NOT_FOUND", "BAD_REQUEST"]
    assert (await cloud.record("ASSET-3"))["fields"]["isFavorite"]["value"] == 1
    assert (await cloud.record("ASSET-99"))["serverErrorCode"] == "NOT_FOUND"


async def test_recovering_makes_is_deleted_absent_again(cloud: Cloud) -> None:
    for value in (1, 0):
        operation = cloud.change("forceUpdate", "ASSET-3", isDeleted=value)
        await cloud.post("records/modify", operations=[operation])
    fields = (await cloud.record("ASSET-3"))["fields"]
    assert "isDeleted" not in fields
    assert "dateExpunged" not in fields


async def test_the_whole_history_has_empty_pages_and_tombstones(cloud: Cloud) -> None:
    first = await cloud.feed(None)
    assert (first["records"], first["moreComing"]) == ([], True)
    page, records, pages = first, [], []
    while page["moreComing"]:
        page = await cloud.feed(page["syncToken"], limit=3)
        pages.append({record["recordName"] for record in page["records"]})
        records += page["records"]
    gone = [record for record in records if record.get("deleted")]
    assert len(gone) == PHOTOS
    assert set(gone[0]) == {"recordName", "deleted", "zoneID"}
    assets = [record for record in records if record.get("recordType") == "CPLAsset"]
    assert {record["recordName"] for record in assets} >= {f"ASSET-{n}" for n in range(1, PHOTOS)}
    masters = {a["recordName"]: a["fields"]["masterRef"]["value"]["recordName"] for a in assets}
    assert any(asset in page and masters[asset] not in page for page in pages for asset in masters)


async def test_a_change_that_was_replaced_leaves_an_empty_page(cloud: Cloud) -> None:
    token = (await cloud.post("zones/list"))["zones"][0]["syncToken"]
    for value in (1, 0):
        operation = cloud.change("forceUpdate", "ASSET-3", isFavorite=value)
        await cloud.post("records/modify", operations=[operation])
    page = await cloud.feed(token, limit=1)
    assert (page["records"], page["moreComing"]) == ([], True)
    page = await cloud.feed(page["syncToken"], limit=1)
    assert [record["recordName"] for record in page["records"]] == ["ASSET-3"]
    assert page["moreComing"] is False


async def test_a_foreign_token_is_an_error_inside_a_200(cloud: Cloud) -> None:
    database = (await cloud.post("changes/database"))["syncToken"]
    for token in (database, "nonsense", base64.b64encode(b"zone|PrimarySync|1|0").decode()):
        page = await cloud.feed(token)
        assert page["serverErrorCode"] == "BAD_REQUEST"
        assert "records" not in page
    assert (await cloud.post("changes/database", syncToken=database))["zones"] == []


async def test_bytes_match_the_checksum_and_the_address(cloud: Cloud) -> None:
    master = (await cloud.query("CPLAssetAndMasterByAddedDate"))[0]
    token = master["fields"]["resOriginalRes"]["value"]
    address = token["downloadURL"].replace("${f}", "photo.jpg")
    whole = await cloud.http.get(address)
    salt = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"
    digest = b"\x01" + hashlib.sha1(salt + whole.content, usedforsecurity=False).digest()
    assert token["fileChecksum"] == base64.b64encode(digest).decode()
    assert token["size"] == len(whole.content)
    assert urlsplit(address).path.split("/")[2] == base64.urlsafe_b64encode(digest).decode()
    part = await cloud.http.get(address, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    literal = await cloud.http.get(token["downloadURL"])
    assert literal.content == whole.content


async def test_an_address_needs_cookies_and_dies_after_an_hour(cloud: Cloud) -> None:
    record = (await cloud.query("CPLAssetAndMasterByAddedDate"))[0]
    address = record["fields"]["resOriginalRes"]["value"]["downloadURL"]
    assert (await cloud.http.get(address.replace("&e=17", "&e=18"))).status_code == 403
    cloud.now[0] += 3_599_000
    assert (await cloud.http.get(address)).status_code == 200
    cloud.now[0] += 1_000
    assert (await cloud.http.get(address)).status_code == 410
    fresh = (await cloud.record(record["recordName"]))["fields"]["resOriginalRes"]["value"]
    assert (await cloud.http.get(fresh["downloadURL"])).status_code == 200
    cloud.http.cookies.clear()
    bare = await cloud.http.get(fresh["downloadURL"])
    assert (bare.status_code, len(bare.content)) == (200, 17)


async def test_without_the_cookie_every_page_says_421(cloud: Cloud) -> None:
    cloud.http.cookies.clear()
    assert (await cloud.http.post(f"{ROOT}/zones/list", json={})).status_code == 421
    validate = await cloud.http.post("/setup/ws/1/validate", content="null")
    assert validate.status_code == 421


async def test_unknown_zones_and_questions_are_refused(cloud: Cloud) -> None:
    nowhere = {"zoneID": {"zoneName": "Elsewhere"}, "records": []}
    response = await cloud.http.post(f"{ROOT}/records/lookup", json=nowhere)
    assert (response.status_code, response.json()["serverErrorCode"]) == (404, "ZONE_NOT_FOUND")
    question = {"zoneID": ZONE, "query": {"recordType": "Unheard"}}
    assert (await cloud.http.post(f"{ROOT}/records/query", json=question)).status_code == 400


async def sign_in(cloud: Cloud, password: str) -> tuple[httpx.Response, dict[str, str]]:
    """Offer the hex form of the password only; give the answer and the headers to echo."""
    srp.rfc5054_enable()
    srp.no_username_in_x()
    stretched = SrpPassword(password)
    user = srp.User("demo@example.com", stretched, hash_alg=srp.SHA256, ng_type=srp.NG_2048)
    name, public = user.start_authentication()
    body = {"a": base64.b64encode(public).decode(), "accountName": name, "protocols": ["s2k_fo"]}
    init = await cloud.http.post("/appleauth/auth/signin/init", json=body)
    asked = init.json()
    salt, b = base64.b64decode(asked["salt"]), base64.b64decode(asked["b"])
    stretched.set_encrypt_info(salt, asked["iteration"], 32, SrpProtocolType(asked["protocol"]))
    proofs = (user.process_challenge(salt, b), user.H_AMK)
    m1, m2 = (base64.b64encode(proof).decode() for proof in proofs)
    answer = {"accountName": name, "c": asked["c"], "m1": m1, "m2": m2, "trustTokens": []}
    echo = {n: init.headers[n] for n in ("scnt", "X-Apple-ID-Session-Id")}
    complete = "/appleauth/auth/signin/complete"
    return await cloud.http.post(complete, json=answer, headers=echo), echo


async def test_a_wrong_password_is_minus_20101(cloud: Cloud) -> None:
    answer, _ = await sign_in(cloud, "Secret")
    assert answer.status_code == 401
    assert answer.json()["serviceErrors"][0]["code"] == "-20101"


async def test_the_hex_form_of_the_password_leads_to_the_code(cloud: Cloud) -> None:
    answer, echo = await sign_in(cloud, "secret")
    assert (answer.status_code, answer.json()) == (409, {"authType": "hsa2"})
    page = "/appleauth/auth/verify/trusteddevice/securitycode"
    assert (await cloud.http.put(page, headers=echo)).status_code == 202
    wrong = await cloud.http.post(page, json={"securityCode": {"code": "1"}}, headers=echo)
    assert wrong.status_code == 400
    assert wrong.json()["service_errors"][0]["code"] == "-21669"
    right = {"securityCode": {"code": cloud.account.code}}
    assert (await cloud.http.post(page, json=right, headers=echo)).status_code == 204
    trust = await cloud.http.get("/appleauth/auth/2sv/trust", headers=echo)
    assert trust.status_code == 204
    assert trust.headers["X-Apple-TwoSV-Trust-Token"]


async def test_the_password_alone_opens_nothing(cloud: Cloud) -> None:
    cloud.http.cookies.clear()
    answer, echo = await sign_in(cloud, "secret")
    assert (await cloud.http.get("/appleauth/auth/2sv/trust", headers=echo)).status_code == 401
    login = {"dsWebAuthToken": answer.headers["X-Apple-Session-Token"], "trustToken": ""}
    account = await cloud.http.post("/setup/ws/1/accountLogin", json=login)
    assert account.json()["hsaTrustedBrowser"] is False
    assert account.json()["hsaChallengeRequired"] is True
    assert "X-APPLE-WEBAUTH-TOKEN" not in account.cookies
    assert (await cloud.http.post(f"{ROOT}/zones/list", json={})).status_code == 421


async def test_only_the_wanted_fields_come(cloud: Cloud) -> None:
    asked = {"records": [{"recordName": "ASSET-3"}], "desiredKeys": ["assetDate"]}
    (record,) = (await cloud.post("records/lookup", **asked))["records"]
    assert list(record["fields"]) == ["assetDate"]


async def test_the_person_acts_by_hand(cloud: Cloud) -> None:
    async def act(name: str, **body: str) -> int:
        return (await cloud.http.post(f"/admin/{name}", json=body)).status_code

    assert await act("delete", id="ASSET-3") == 200
    assert await act("edit", id="ASSET-4", file="0.jpg") == 200
    truth = (await cloud.http.get("/admin/truth")).json()
    assert truth["assets"]["ASSET-3"]["deleted"]
    assert truth["assets"]["ASSET-4"]["resources"]["edited"]["size"] == 1100
    assert truth["counts"]["deleted"] == 1
    assert "adjustmentType" in (await cloud.record("ASSET-4"))["fields"]
    assert await act("recover", id="ASSET-3") == 200
    truth = (await cloud.http.get("/admin/truth")).json()
    assert not truth["assets"]["ASSET-3"]["deleted"]
    assert await act("delete", id="ASSET-99") == 404
    assert await act("edit", id="ASSET-4", file="none.jpg") == 404


async def test_a_name_that_is_no_unicode_is_served(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"odd")
    account = Account("demo@example.com", "secret")
    app = make_app(read_library(tmp_path), tmp_path, account)
    cookies = {"X-APPLE-WEBAUTH-TOKEN": account.open_web_session()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, cookies=cookies, base_url="https://icloud.test"
    ) as http:
        cloud = Cloud(account, http)
        (asset,) = (await http.get("/admin/truth")).json()["assets"].values()
        master, _ = await cloud.query("CPLAssetAndMasterByAddedDate")
    assert asset["filename"] == "\ufffd.jpg"
    encoded = master["fields"]["filenameEnc"]["value"]
    assert base64.b64decode(encoded).decode() == asset["filename"]


async def test_a_manifest_can_hold_what_real_libraries_hold(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "a.mov", "slow.mov"):
        (tmp_path / name).write_bytes(name.encode())
    live = {"original": "a.jpg", "live": "a.mov", "edited": "b.jpg", "edited_live": "slow.mov"}
    still = {"original": "b.jpg"}
    assets = [
        {"id": "LIVE", "filename": "a.jpg", "resources": live, "albums": ["Lake"]},
        {"id": "SLOW", "filename": "slow.mov", "resources": {"original": "slow.mov"}}
        | {"slow_motion": True, "filename_form": "missing", "no_item_type": True},
        {"id": "BURST", "filename": "b.jpg", "resources": still, "burst": "B1"}
        | {"burst_pick": True, "keywords": ["x"], "caption": "Y", "location": [1.5, 2.5]},
        {"id": "OURS", "filename": "b.jpg", "resources": still, "zone": "SharedSync"},
        {"id": "THEIRS", "filename": "b.jpg", "resources": still, "zone": "SharedSync"}
        | {"database": "shared"},
    ]
    manifest = {"assets": assets, "folders": {"Lake": "Summer", "Summer": "Years"}}
    (tmp_path / "library.json").write_text(json.dumps(manifest))
    account = Account("demo@example.com", "secret")
    app = app_of(make_world(tmp_path, [], account.owner), tmp_path, account)
    cookies = {"X-APPLE-WEBAUTH-TOKEN": account.open_web_session()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, cookies=cookies, base_url="https://icloud.test"
    ) as http:
        cloud = Cloud(account, http)
        live_fields = (await cloud.record("LIVE"))["fields"]
        slow = await cloud.record("SLOW")
        burst = (await cloud.record("BURST"))["fields"]
        top = await cloud.query("CPLAlbumByPositionLive")
        folder = next(a["recordName"] for a in top if not a["recordName"].startswith("-"))
        (inner,) = await cloud.query("CPLAlbumByPositionLive", parentId=folder)
        (album,) = await cloud.query("CPLAlbumByPositionLive", parentId=inner["recordName"])
        smart = "CPLAssetAndMasterInSmartAlbumByAssetDate"
        slowed = await cloud.query(smart, smartAlbum="SLOMO")
        listed = (await http.post(f"{ROOT}/zones/list", json={})).json()["zones"]
        truth = (await http.get("/admin/truth")).json()["assets"]
        master = await cloud.record(slow["fields"]["masterRef"]["value"]["recordName"])
    assert {"resJPEGFullRes", "resVidFullRes"} <= live_fields.keys()
    assert {"edited", "edited_live"} <= truth["LIVE"]["resources"].keys()
    assert slow["fields"]["adjustmentType"]["value"] == "com.apple.video.slomo"
    assert [r["recordName"] for r in slowed] == [master["recordName"], "SLOW"]
    assert not {"filenameEnc", "itemType"} & master["fields"].keys()
    assert burst["burstId"]["value"] == "B1"
    assert {"keywordsEnc", "captionEnc", "locationEnc"} <= burst.keys()
    names = [base64.b64decode(a["fields"]["albumNameEnc"]["value"]) for a in (inner, album)]
    assert names == [b"Summer", b"Lake"]
    assert truth["OURS"]["zone"] == listed[1]["zoneID"]["zoneName"]
    assert truth["THEIRS"]["zone"] != truth["OURS"]["zone"]
    assert len(listed) == 2


def test_a_manifest_that_is_malformed_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text('{"assets": [{"filename": 1, "resources": {}}]}')
    with pytest.raises(LibraryError, match=r"^[^\n]*assets\.0\.filename: [^\n]*$"):
        read_library(tmp_path)


def test_a_manifest_that_names_a_missing_file_is_refused(tmp_path: Path) -> None:
    asset = {"filename": "a", "resources": {"original": "none.jpg"}}
    (tmp_path / "library.json").write_text(json.dumps({"assets": [asset]}))
    with pytest.raises(LibraryError, match=r"none\.jpg"):
        read_library(tmp_path)
