"""An unmodified pyicloud meets every obstacle of the simulated sign-in and behaves as it does with Apple."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyicloud.exceptions import (
    PyiCloudAcceptTermsException,
    PyiCloudAccountLockedException,
    PyiCloudAPIResponseException,
    PyiCloudFailedLoginException,
    PyiCloudServiceUnavailable,
)

from simulators.icloud.account_settings import AccountSettings
from tests.integration.icloud_sim import PASSWORD, Simulator, client, running, signed_in

NO_PASSWORD = "never right: a second sign-in needs none"


@pytest.fixture(scope="module")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("icloud")
    (folder / "library").mkdir()
    (folder / "library" / "a.jpg").write_bytes(b"bytes")
    with running(folder / "library", folder / "run", "--account", '{"push": "asked"}') as simulator:
        assert simulator.account()["push"] == "asked"
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """The simulator with an account of the usual kind, where nobody is signed in."""
    usual = AccountSettings().model_dump(mode="json")
    running_simulator.account(**usual, end_sessions=True, end_trust=True)
    return running_simulator


@contextmanager
def opened(simulator: Simulator, cookies: Path, **options: Any) -> Iterator[Any]:
    api = client(simulator, cookies, **options)
    try:
        yield api
    finally:
        api.session.close()


def counts(simulator: Simulator) -> dict[str, int]:
    found: dict[str, int] = simulator.account()["counts"]
    return found


def photos(api: Any) -> int:
    return len(list(api.photos.all))


@pytest.mark.parametrize("protocol", ["s2k", "s2k_fo"])
def test_both_forms_of_the_password_are_proved(
    simulator: Simulator, tmp_path: Path, protocol: str
) -> None:
    simulator.account(protocol=protocol)
    with pytest.raises(PyiCloudFailedLoginException):
        client(simulator, tmp_path, password="wrong")
    with signed_in(simulator, tmp_path) as api:
        assert api.is_trusted_session
        assert photos(api) == 1


def test_a_code_comes_by_sms_and_another_by_device(simulator: Simulator, tmp_path: Path) -> None:
    before = counts(simulator)
    with opened(simulator, tmp_path) as api:
        assert api.requires_2fa
        assert api.two_factor_delivery_method == "sms"
        texted, shown = simulator.sms_code(), simulator.device_code()
        assert texted != shown
        assert not api.validate_2fa_code(shown)
        assert api.validate_2fa_code(texted)
    after = counts(simulator)
    assert after["codes_by_sms"] - before["codes_by_sms"] == 1
    assert after["wrong_codes"] - before["wrong_codes"] == 1


def test_a_device_that_has_to_be_asked_is_asked(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(push="asked", phones=[])
    with opened(simulator, tmp_path) as api:
        assert simulator.device_code() is None
        headers = api._get_auth_headers({"Accept": "application/json"})
        page = f"{simulator.base_url}/appleauth/auth/verify/trusteddevice/securitycode"
        api.session.put(page, headers=headers)
        assert api.validate_2fa_code(simulator.device_code())
        assert photos(api) == 1


@pytest.mark.parametrize("delivery", ["sms", "device"])
def test_a_code_that_is_accepted_with_a_conflict_is_enough(
    simulator: Simulator, tmp_path: Path, delivery: str
) -> None:
    simulator.account(accepts_code_with=409)
    with opened(simulator, tmp_path) as api:
        if delivery == "device":
            api.use_existing_trusted_device_code()
            assert api.validate_2fa_code(simulator.device_code())
        else:
            assert api.validate_2fa_code(simulator.sms_code())
        assert api.is_trusted_session


def test_a_trusted_second_sign_in_wants_no_code(simulator: Simulator, tmp_path: Path) -> None:
    with signed_in(simulator, tmp_path):
        pass
    simulator.account(end_sessions=True)
    before = counts(simulator)
    with opened(simulator, tmp_path) as api:
        assert not api.requires_2fa
        assert photos(api) == 1
    after = counts(simulator)
    assert after["sign_ins"] - before["sign_ins"] == 1
    assert after["codes_by_sms"] == before["codes_by_sms"]


def test_stale_cookies_are_renewed_without_the_password(
    simulator: Simulator, tmp_path: Path
) -> None:
    with signed_in(simulator, tmp_path) as api:
        before = counts(simulator)
        simulator.account(expire_cookies=True)
        with pytest.raises(PyiCloudAPIResponseException, match="421"):
            photos(api)
        api.authenticate()
        assert photos(api) == 1
        after = counts(simulator)
    assert after["sign_ins"] == before["sign_ins"]
    assert after["account_logins"] - before["account_logins"] == 1


@pytest.mark.parametrize("status", [421, 450])
def test_a_session_that_ended_wants_the_password(
    simulator: Simulator, tmp_path: Path, status: int
) -> None:
    simulator.account(session_days=30, ended_status=status)
    with signed_in(simulator, tmp_path):
        pass
    simulator.let_pass(days=29)
    with opened(simulator, tmp_path, password=NO_PASSWORD) as api:
        assert photos(api) == 1
    simulator.let_pass(days=2)
    with pytest.raises(PyiCloudFailedLoginException, match="Invalid email/password"):
        client(simulator, tmp_path, password=NO_PASSWORD)
    with opened(simulator, tmp_path, password=PASSWORD) as api:
        assert not api.requires_2fa


def test_trust_that_ended_wants_a_code(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(trust_days=20, session_days=10)
    with signed_in(simulator, tmp_path):
        pass
    simulator.let_pass(days=21)
    with opened(simulator, tmp_path) as api:
        assert api.requires_2fa


def test_keys_are_seen_before_a_code_is_asked_for(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(security_keys=True)
    before = counts(simulator)
    with opened(simulator, tmp_path) as api:
        assert api.two_factor_delivery_method == "security_key"
        assert api.security_key_names == ["Blue key", "Spare key"]
        assert not api.validate_2fa_code("123456")
    assert counts(simulator)["codes_by_sms"] == before["codes_by_sms"]


def test_keys_that_come_later_close_the_data(simulator: Simulator, tmp_path: Path) -> None:
    with signed_in(simulator, tmp_path) as api:
        simulator.account(security_keys=True)
        with pytest.raises(PyiCloudServiceUnavailable) as denied:
            photos(api)
        assert "no auth method found" in str(denied.value.__cause__)
    simulator.account(security_keys="refused", end_sessions=True)
    with pytest.raises(PyiCloudFailedLoginException) as caught:
        client(simulator, tmp_path)
    assert "no auth method" in caught.value.__cause__.response.text


def test_protected_data_opens_once_a_device_consented(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(adp=True)
    with signed_in(simulator, tmp_path) as api:
        simulator.account(allow_pcs=True)
        library = api.photos
        assert len(list(library.all)) == 1
        simulator.let_pass(days=1 / 24)
        with pytest.raises(PyiCloudAPIResponseException, match="Missing PCS cookies"):
            list(library.all)


def test_without_web_access_no_device_is_asked(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(adp=True, web_access=False)
    with (
        signed_in(simulator, tmp_path) as api,
        pytest.raises(PyiCloudAPIResponseException, match="PCS access"),
    ):
        photos(api)


def test_without_web_access_the_photos_are_denied(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(web_access=False)
    with signed_in(simulator, tmp_path) as api, pytest.raises(PyiCloudServiceUnavailable) as denied:
        photos(api)
    assert "ACCESS_DENIED" in str(denied.value.__cause__)


@pytest.mark.parametrize("step", ["init", "complete"])
def test_a_throttled_sign_in_is_no_wrong_password(
    simulator: Simulator, tmp_path: Path, step: str
) -> None:
    before = counts(simulator)
    simulator.account(throttle_sign_in={"times": 1, "retry_after": 600, "at": step})
    with pytest.raises(PyiCloudFailedLoginException) as caught:
        client(simulator, tmp_path)
    assert caught.value.__cause__.code == 503
    with signed_in(simulator, tmp_path) as api:
        assert api.is_trusted_session
    after = counts(simulator)
    assert after["wrong_passwords"] == before["wrong_passwords"]
    assert after["throttled"] - before["throttled"] == 1


def test_a_locked_account_is_told_as_one(simulator: Simulator, tmp_path: Path) -> None:
    simulator.account(lock_after=1)
    with pytest.raises(PyiCloudFailedLoginException, match="Invalid email/password"):
        client(simulator, tmp_path, password="wrong")
    with pytest.raises(PyiCloudAccountLockedException):
        client(simulator, tmp_path)


def test_a_repair_stops_a_client_that_does_not_know_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.account(repair=True)
    with pytest.raises(PyiCloudFailedLoginException) as caught:
        client(simulator, tmp_path)
    assert caught.value.__cause__.code == 412


def test_new_terms_stop_a_client_that_may_not_accept_them(
    simulator: Simulator, tmp_path: Path
) -> None:
    with signed_in(simulator, tmp_path):
        pass
    simulator.account(terms_accepted=False, expire_cookies=True)
    with pytest.raises(PyiCloudAcceptTermsException):
        client(simulator, tmp_path)
    simulator.account(expire_cookies=True)
    with opened(simulator, tmp_path, accept_terms=True) as api:
        assert not api.data["termsUpdateNeeded"]
    assert simulator.account()["terms_accepted"] is True
