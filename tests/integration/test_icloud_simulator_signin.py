"""Each page of the simulated sign-in answers as Apple's does, and every obstacle can be put up on demand."""

import json
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.icloud.tls import make_tls_files
from tests.integration.icloud_browser import AUTH, DEVICE, PHONE, Browser, browser

HOUR = 1 / 24


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browser(tmp_path) as opened:
        yield opened


def error_code(answer: httpx.Response) -> str:
    """The code of the first error, whichever of Apple's two lists has it."""
    body = answer.json()
    found: str = (body.get("serviceErrors") or body["service_errors"])[0]["code"]
    assert answer.headers["X-Apple-I-Rscd"] == str(answer.status_code)
    return found


@pytest.mark.parametrize("protocol", ["s2k", "s2k_fo"])
async def test_the_account_has_the_password_in_one_form_only(page: Browser, protocol: str) -> None:
    await page.account(protocol=protocol)
    other = "s2k" if protocol == "s2k_fo" else "s2k_fo"
    answer = await page.password()
    assert (answer.status_code, answer.json()) == (409, {"authType": "hsa2"})
    assert (await page.password(protocols=[protocol])).status_code == 409
    assert (await page.password(protocols=[other])).status_code == 400


async def test_a_client_that_echoes_late_is_known_by_its_challenge(page: Browser) -> None:
    assert (await page.password_without_echo()).status_code == 409
    assert (await page.type_code((await page.codes())["device"])).status_code == 204


async def test_wrong_passwords_lock_the_account_until_it_is_unlocked(page: Browser) -> None:
    await page.account(lock_after=2)
    for _ in range(2):
        wrong = await page.password("wrong")
        assert (wrong.status_code, error_code(wrong)) == (401, "-20101")
    right = await page.password()
    assert (right.status_code, error_code(right)) == (403, "-20209")
    assert (await page.counts())["wrong_passwords"] == 2
    await page.account(locked=False)
    assert (await page.password("wrong")).status_code == 401
    assert (await page.password()).status_code == 409


async def test_a_right_password_forgives_the_wrong_ones(page: Browser) -> None:
    await page.account(lock_after=2)
    for password in ("wrong", None, "wrong", None):
        answer = await (page.password(password) if password else page.password())
        assert answer.status_code == (401 if password else 409)


async def test_the_code_of_the_device_leads_to_trust_and_data(page: Browser) -> None:
    assert (await page.zones()).status_code == 421
    await page.sign_in()
    assert (await page.zones()).status_code == 200
    assert await page.codes() == {"code": None, "device": None, "sms": {}}
    counts = await page.counts()
    assert (counts["sign_ins"], counts["codes_by_device"], counts["codes_by_sms"]) == (1, 1, 0)
    assert (counts["trusts"], counts["account_logins"]) == (1, 1)


async def test_since_ios_26_4_a_code_is_shown_only_when_asked_for(page: Browser) -> None:
    await page.account(push="asked")
    await page.password()
    assert (await page.codes())["device"] is None
    assert (await page.type_code("")).status_code == 400
    assert (await page.ask("PUT", DEVICE)).status_code == 202
    first = (await page.codes())["device"]
    assert (await page.ask("PUT", DEVICE)).status_code == 202
    assert (await page.type_code(first)).status_code == 400
    assert (await page.type_code((await page.codes())["device"])).status_code == 204


async def test_the_trusted_numbers_are_listed_in_the_page_and_in_the_json(page: Browser) -> None:
    await page.account(phones=[{"id": 1, "ending": "42"}, {"id": 3, "ending": "07"}])
    await page.password()
    html = (await page.ask("GET", AUTH, headers={"Accept": "text/html"})).text
    found = re.search(r'<script type="application/json" class="boot_args">(.*?)</script>', html)
    assert found
    two_sv = json.loads(found[1])["direct"]["twoSV"]
    wire = (await page.ask("GET", AUTH, headers={"Accept": "application/json"})).json()
    bridge = two_sv["bridgeInitiateData"]["phoneNumberVerification"]
    for listed in (two_sv["phoneNumberVerification"], bridge, wire):
        numbers = {n["id"]: n["lastTwoDigits"] for n in listed["trustedPhoneNumbers"]}
        assert numbers == {1: "42", 3: "07"}


async def test_a_code_by_sms_belongs_to_its_number(page: Browser) -> None:
    await page.account(phones=[{"id": 1}, {"id": 3}])
    await page.password()
    assert (await page.text_me(2)).status_code == 401
    assert (await page.text_me(3)).status_code == 200
    codes = await page.codes()
    assert set(codes["sms"]) == {"3"}
    assert (await page.type_code(codes["device"], phone=3)).status_code == 400
    assert (await page.type_code(codes["sms"]["3"], phone=1)).status_code == 400
    assert (await page.type_code(codes["sms"]["3"])).status_code == 400
    accepted = await page.type_code(codes["sms"]["3"], phone=3)
    assert (accepted.status_code, accepted.json()["securityCode"]["valid"]) == (200, True)
    assert (await page.ask("GET", f"{AUTH}/2sv/trust")).headers["X-Apple-TwoSV-Trust-Token"]
    assert (await page.counts())["codes_by_sms"] == 1


async def test_apple_can_accept_a_code_with_a_conflict(page: Browser) -> None:
    await page.account(accepts_code_with=409)
    await page.password()
    answer = await page.type_code((await page.codes())["device"])
    assert (answer.status_code, answer.json()["securityCode"]["valid"]) == (409, True)
    assert (await page.ask("GET", f"{AUTH}/2sv/trust")).status_code == 204


async def test_a_wrong_code_and_then_the_right_one(page: Browser) -> None:
    await page.password()
    wrong = await page.type_code("abcdef")
    assert (wrong.status_code, error_code(wrong)) == (400, "-21669")
    assert (await page.ask("GET", f"{AUTH}/2sv/trust")).status_code == 401
    assert (await page.type_code((await page.codes())["device"])).status_code == 204


async def test_too_many_wrong_codes_close_the_door_for_an_hour(page: Browser) -> None:
    await page.account(code_tries=2)
    await page.password()
    for _ in range(2):
        assert error_code(await page.type_code("abcdef")) == "-21669"
    right = (await page.codes())["device"]
    refused = await page.type_code(right)
    assert (refused.status_code, error_code(refused)) == (423, "-22982")
    assert refused.json()["securityCode"]["securityCodeLocked"] is True
    await page.let_pass(days=HOUR)
    assert (await page.type_code(right)).status_code == 204


async def test_only_so_many_sms_are_sent_a_day(page: Browser) -> None:
    await page.account(sms_a_day=1)
    await page.password()
    assert (await page.text_me(1)).status_code == 200
    refused = await page.text_me(1)
    assert (refused.status_code, error_code(refused)) == (423, "-22981")
    await page.let_pass(days=1)
    assert (await page.text_me(1)).status_code == 200


async def test_trust_makes_the_code_unnecessary_while_it_lasts(page: Browser) -> None:
    await page.account(trust_days=20)
    await page.sign_in()
    await page.let_pass(days=19)
    assert (await page.password()).status_code == 200
    assert (await page.account_login()).json()["hsaTrustedBrowser"] is True
    assert (await page.counts())["codes_by_device"] == 1
    await page.let_pass(days=2)
    assert (await page.password()).status_code == 409
    assert (await page.account_login()).json()["hsaChallengeRequired"] is True


@pytest.mark.parametrize("status", [421, 450])
async def test_a_session_ends_after_its_days_however_often_it_was_renewed(
    page: Browser, status: int
) -> None:
    await page.account(session_days=30, ended_status=status)
    await page.sign_in()
    await page.let_pass(days=29)
    assert (await page.account_login()).status_code == 200
    assert (await page.setup("validate")).status_code == 200
    assert (await page.zones()).status_code == 200
    await page.let_pass(days=1.1)
    assert (await page.zones()).status_code == 421
    assert (await page.setup("validate")).status_code == status
    assert (await page.account_login()).status_code == status
    assert (await page.password()).status_code == 200, "trust outlives the session"
    assert (await page.account_login()).status_code == 200
    assert (await page.zones()).status_code == 200
    assert (await page.counts())["account_logins_refused"] == 1


async def test_cookies_alone_can_expire(page: Browser) -> None:
    await page.sign_in()
    await page.account(expire_cookies=True)
    assert (await page.zones()).status_code == 421
    assert (await page.setup("validate")).status_code == 421
    assert (await page.account_login()).status_code == 200
    assert (await page.zones()).status_code == 200


async def test_sessions_and_trust_can_be_ended_at_once(page: Browser) -> None:
    await page.sign_in()
    await page.account(end_sessions=True)
    assert (await page.zones()).status_code == 421
    assert (await page.account_login()).status_code == 421
    assert (await page.password()).status_code == 200
    await page.account(end_trust=True)
    assert (await page.password()).status_code == 409


async def test_a_new_password_signs_everyone_out(page: Browser) -> None:
    await page.sign_in()
    await page.account(password="another")
    assert (await page.zones()).status_code == 421
    assert (await page.password()).status_code == 401
    assert (await page.password("another")).status_code == 409


async def test_an_account_with_keys_takes_no_code(page: Browser) -> None:
    await page.sign_in()
    await page.account(security_keys=True)
    assert (await page.zones()).status_code == 401
    assert "no auth method found" in (await page.zones()).text
    page.trust_token = ""
    wanted = await page.password()
    assert (wanted.status_code, wanted.json()["authType"]) == (409, "hsa2")
    assert {"challenge", "keyHandles", "rpId"} <= set(wanted.json()["fsaChallenge"])
    assert wanted.json()["keyNames"]
    assert await page.codes() == {"code": None, "device": None, "sms": {}}
    pages: list[tuple[str, str, Any]] = [
        ("PUT", DEVICE, {}),
        ("PUT", PHONE, {"phoneNumber": {"id": 1}, "mode": "sms"}),
        ("POST", DEVICE, {"securityCode": {"code": "123456"}}),
    ]
    for method, path, body in pages:
        answer = await page.ask(method, path, json=body)
        assert (answer.status_code, "fsaChallenge" in answer.json()) == (409, True)
    await page.account(security_keys="refused")
    refused = await page.password()
    assert refused.status_code == 401
    assert "no auth method" in refused.text


async def test_protected_data_needs_a_device_that_consents_each_hour(page: Browser) -> None:
    await page.account(adp=True, pcs_waits=2)
    await page.sign_in()
    assert (await page.zones()).status_code == 423
    state = (await page.setup("requestWebAccessState")).json()
    assert (state["isICDRSDisabled"], state["isDeviceConsentedForPCS"]) == (True, False)
    assert (await page.setup("requestPCS", appName="photos")).json()["status"] == "failure"
    asked = (await page.setup("enableDeviceConsentForPCS")).json()
    assert asked["isDeviceConsentNotificationSent"] is True
    await page.account(allow_pcs=True)
    assert (await page.setup("requestWebAccessState")).json()["isDeviceConsentedForPCS"] is True
    messages = []
    for first in (True, False, False):
        body = {"appName": "photos", "derivedFromUserAction": first}
        messages.append((await page.setup("requestPCS", **body)).json()["message"])
    assert messages[:2] == [
        "Requested the device to upload cookies.",
        "Cookies not available yet on server.",
    ]
    assert (await page.zones()).status_code == 200
    await page.let_pass(days=HOUR)
    assert (await page.zones()).status_code == 423


@pytest.mark.parametrize("adp", [True, False])
async def test_without_web_access_nothing_is_shown(page: Browser, adp: bool) -> None:
    await page.account(adp=adp, web_access=False)
    await page.sign_in()
    denied = await page.zones()
    assert (denied.status_code, denied.json()["serverErrorCode"]) == (403, "ACCESS_DENIED")
    state = (await page.setup("requestWebAccessState")).json()
    assert (state["isWebAccessAllowed"], state["isICDRSDisabled"]) == (False, adp)
    asked = (await page.setup("enableDeviceConsentForPCS")).json()
    assert asked["isDeviceConsentNotificationSent"] is False


@pytest.mark.parametrize("step", ["init", "complete"])
async def test_sign_ins_are_throttled_so_often_and_no_longer(page: Browser, step: str) -> None:
    throttle = {"status": 503, "times": 2, "retry_after": 120, "at": step}
    await page.account(throttle_sign_in=throttle)
    for _ in range(2):
        refused = await page.password()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "120")
    assert (await page.password()).status_code == 409
    counts = await page.counts()
    assert (counts["throttled"], counts["sign_ins"], counts["wrong_passwords"]) == (2, 3, 0)


@pytest.mark.parametrize("known", [True, False])
async def test_a_repair_is_passed_over_before_the_code(page: Browser, known: bool) -> None:
    if known:
        await page.sign_in()
    await page.account(repair=True)
    repair = f"{AUTH}/repair/complete"
    assert (await page.ask("POST", repair, json={})).status_code == 401
    assert (await page.password()).status_code == 412
    assert (await page.type_code((await page.codes())["device"])).status_code == 400
    assert (await page.ask("POST", repair, json={})).status_code == (200 if known else 409)
    if not known:
        assert (await page.type_code((await page.codes())["device"])).status_code == 204
        assert (await page.ask("GET", f"{AUTH}/2sv/trust")).status_code == 204
    assert (await page.account_login()).json()["hsaTrustedBrowser"] is True


async def test_new_terms_wait_until_they_are_accepted(page: Browser) -> None:
    await page.sign_in()
    await page.account(terms_accepted=False)
    assert (await page.account_login()).json()["termsUpdateNeeded"] is True
    terms = (await page.http.get("/setup/ws/1/getTerms")).json()["iCloudTerms"]["version"]
    for version, status in ((terms - 1, 400), (terms, 200)):
        body = {"acceptedICloudTerms": version}
        done = await page.http.request("GET", "/setup/ws/1/repairDone", json=body)
        assert done.status_code == status
    assert (await page.account_login()).json()["termsUpdateNeeded"] is False


@pytest.mark.parametrize(
    "wrong", [{"pushed": "asked"}, {"push": "perhaps"}, {"throttle_sign_in": {"times": 0}}]
)
async def test_a_wrong_setting_is_named_and_nothing_changes(page: Browser, wrong: Any) -> None:
    before = await page.account()
    answer = await page.http.post("/admin/account", json={"adp": True, "locked": True} | wrong)
    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json()["reason"]
    assert await page.account() == before


async def test_the_clock_only_goes_forward(page: Browser) -> None:
    before = (await page.http.get("/admin/clock")).json()
    for wrong in (-1, "1", None, True, 1e30):
        answer = await page.http.post("/admin/clock", json={"advance_seconds": wrong})
        assert (answer.status_code, answer.json()["ok"]) == (400, False)
    after = (await page.http.post("/admin/clock", json={"advance_seconds": 3600})).json()
    assert after["offset_seconds"] == 3600
    assert 3_600_000 <= after["now"] - before["now"] < 3_660_000


async def test_the_settings_of_the_start_hold(tmp_path: Path) -> None:
    async with browser(tmp_path, push="asked", security_keys=False) as page:
        await page.password()
        assert (await page.codes())["device"] is None


def test_the_certificate_is_good_for_the_names_of_china_mainland(tmp_path: Path) -> None:
    names = ("setup.icloud.com.cn", "*.icloud.com.cn", "idmsa.apple.com.cn")
    files = make_tls_files(tmp_path, names)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    for name in (*names[::2], "p42-ckdatabasews.icloud.com.cn"):
        assert shake_hands(server, ssl.create_default_context(cafile=str(files.ca)), name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, ssl.create_default_context(cafile=str(files.ca)), "icloud.com")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    """Let a client meet a server in memory; raises what the client thinks of its certificate."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=name)
    far = server.wrap_bio(up, down, server_side=True)
    for end in (near, far, near, far):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return near.version() is not None
