"""What Apple's refusals mean, and that nothing of its answers shows."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.cookiejar import LWPCookieJar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from pyicloud import exceptions as theirs

from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import SignIn, resume
from shared.adapters.icloud_signin_codes import accepts
from shared.adapters.icloud_signin_errors import Throttled, named, told
from shared.adapters.icloud_signin_store import SessionStore, Stored
from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting


def answered(status: int, body: str = "TOKEN") -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    return response


def refused(status: int, body: str = "TOKEN") -> Exception:
    """Make pyicloud's error as it arrives: the login error, caused by the answer."""
    error: Exception = theirs.PyiCloudFailedLoginException("Invalid email/password combination.")
    error.__cause__ = theirs.PyiCloudAPIResponseException("no", status, answered(status, body))
    return error


def meaning(error: Exception, *, asking: bool) -> PhotoductError:
    with pytest.raises(PhotoductError) as caught, told(asking=asking):
        raise error
    assert "TOKEN" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (refused(401), Permanent, "tried only once"),
        (refused(503), Transient, "limits sign-ins"),
        (refused(412), Permanent, "confirmed first"),
        (refused(423), Permanent, "Advanced Data Protection"),
        (refused(401, "No auth method"), Permanent, "security keys"),
        (refused(500), Transient, "error"),
        (theirs.PyiCloudConnectionException("no line"), Waiting, "cannot be reached"),
        (theirs.PyiCloudAcceptTermsException("terms"), Permanent, "new terms"),
        (KeyError("salt"), Transient, "not understood"),
    ],
)
def test_a_failed_sign_in_is_told_by_what_to_do(error: Exception, kind: type, text: str) -> None:
    found = meaning(error, asking=True)
    assert isinstance(found, kind)
    assert text in str(found)


@pytest.mark.parametrize(
    ("error", "attention"),
    [
        (refused(401), "icloud-session"),
        (refused(423), "icloud-session"),
        (refused(503), "icloud-slow"),
        (refused(500), "icloud-unreachable"),
        (theirs.PyiCloudConnectionException("no line"), "icloud-unreachable"),
        (theirs.PyiCloudFailedLoginException("No password set"), "icloud-session"),
        (theirs.PyiCloudAcceptTermsException("terms"), "icloud-session"),
        (theirs.PyiCloudAccountLockedException(-20209, answered(403)), "icloud-session"),
    ],
)
def test_a_session_that_cannot_be_resumed_waits(error: Exception, attention: str) -> None:
    found = meaning(error, asking=False)
    assert isinstance(found, Waiting)
    assert found.attention == attention


def test_without_an_account_or_a_usable_folder_the_person_is_told(tmp_path: Path) -> None:
    with pytest.raises(Waiting, match=r"icloud\.apple_id"):
        resume(ICloudSettings(session_dir=tmp_path / "s"))
    (tmp_path / "file").touch()
    with pytest.raises(Waiting, match="cannot be used"):
        resume(ICloudSettings(apple_id="a@b.test", session_dir=tmp_path / "file"))


def test_a_sign_in_names_a_folder_that_cannot_hold_its_session(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sign_in = SignIn(ICloudSettings(apple_id="a@b.test", session_dir=tmp_path / "file"))
    with pytest.raises(Permanent, match=r"^icloud\.session_dir: .*/file cannot be used"):
        sign_in.begin("a password")


@pytest.mark.parametrize(
    ("told_by_apple", "seconds"),
    [("120", 120), ("0", 1), ("999999999", 86_400), ("soon", 3600), (None, 3600), ("date", 600)],
)
def test_a_limit_lasts_as_long_as_apple_says(told_by_apple: str | None, seconds: float) -> None:
    error = refused(503)
    if told_by_apple == "date":
        told_by_apple = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    if told_by_apple is not None:
        error.__cause__.response.headers["Retry-After"] = told_by_apple  # type: ignore[union-attr]
    found = meaning(error, asking=True)
    assert isinstance(found, Throttled)
    assert found.retry_after == pytest.approx(seconds, abs=3)


@pytest.mark.parametrize(
    ("status", "said", "text"),
    [
        (423, "", "Advanced Data Protection"),
        (403, "ACCESS_DENIED", "Access iCloud Data on the Web"),
        (0, "ACCESS_DENIED", "Advanced Data Protection is on, or"),
        (401, '{"reason": "no auth method found"}', "security keys only"),
        (401, "AUTHENTICATION_FAILED", None),
        (421, "", None),
    ],
)
def test_a_refusal_that_only_the_person_can_end_has_a_name(
    status: int, said: str, text: str | None
) -> None:
    found = named(status, said)
    assert (found is None) == (text is None)
    assert text is None or (found is not None and text in str(found))


class Client:
    """Takes no code, for a reason."""

    def __init__(self, error: Exception | None, *, bridge: bool) -> None:
        self._error = error
        self._trusted_device_bridge_state = object() if bridge else None
        self.code_error: Exception | None = None
        self.pushes = 0

    def validate_2fa_code(self, _code: str) -> bool:
        self.code_error = self._error
        return False

    def push_to_devices(self) -> None:
        self.pushes += 1


def not_taken(status: int, code: str = "") -> Exception:
    body = f'{{"service_errors": [{{"code": "{code}"}}]}}' if code else "TOKEN"
    error: Exception = theirs.PyiCloudAPIResponseException("no", status, answered(status, body))
    return error


@pytest.mark.parametrize(
    ("error", "bridge", "pushes"),
    [(not_taken(400, "-21669"), False, 0), (not_taken(423, "-21669"), False, 0), (None, True, 1)],
)
def test_a_wrong_code_is_only_wrong_and_a_bridge_is_asked_for_another(
    error: Exception | None, bridge: bool, pushes: int
) -> None:
    client = Client(error, bridge=bridge)
    assert accepts(client, "123456") is False
    assert client.pushes == pushes


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (not_taken(423, "-22406"), Permanent),
        (None, Permanent),
        (not_taken(503), Throttled),
        (not_taken(500), Transient),
    ],
)
def test_what_says_nothing_about_the_code_is_not_called_a_wrong_code(
    error: Exception | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind), told():
        accepts(Client(error, bridge=False), "123456")


@pytest.mark.parametrize(("domain", "flag"), [("iCloud.com.cn", "true"), ("iCloud.com", "false")])
def test_an_account_of_the_other_china_setting_is_told_which_one(
    tmp_path: Path, domain: str, flag: str
) -> None:
    client: Any = SimpleNamespace(data={"domainToUse": domain}, is_trusted_session=False)
    sign_in = SignIn(ICloudSettings(apple_id="a@b.test", session_dir=tmp_path))
    with pytest.raises(Permanent, match=f"set icloud.china_mainland to {flag}"):
        sign_in._finish(client)


def test_a_throttled_renewal_is_not_tried_again_before_apples_wish_by_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ICloudSettings(apple_id="a@b.test", session_dir=tmp_path / "s")
    store = SessionStore(settings.session_dir, settings.apple_id)
    asked: list[object] = []

    def throttled(*_: object) -> None:
        asked.append(_)
        raise Waiting("Apple limits requests", attention="icloud-slow", retry_after=500)

    monkeypatch.setattr("shared.adapters.icloud_signin_resuming._renewed", throttled)
    with store.locked():
        stored = _stored("first")
        store.write(stored, {"session_token": "t"}, LWPCookieJar())
    for _ in range(5):
        with pytest.raises(Waiting) as caught:
            resume(settings, stale="first")
        assert caught.value.attention == "icloud-slow"
        assert 490 < caught.value.retry_after <= 502
    assert len(asked) == 1
    with store.locked():  # a sign-in in the meantime counts at once
        store.write(_stored("second"), {"session_token": "t"}, LWPCookieJar())
    assert resume(settings, stale="first").generation == "second"
    ahead = datetime.now(UTC) + timedelta(days=900)  # a clock that was wrong when it was written
    (store.folder / "renewal-limit.json").write_text(f'{{"until": "{ahead.isoformat()}"}}')
    with pytest.raises(Waiting):
        resume(settings, stale="second")
    assert len(asked) == 2


def _stored(generation: str) -> Stored:
    now = datetime.now(UTC)
    return Stored(
        generation=generation,
        apple_id="a@b.test",
        made_at=now,
        renewed_at=now,
        database="https://ck.test",
        params={},
        headers={},
    )
