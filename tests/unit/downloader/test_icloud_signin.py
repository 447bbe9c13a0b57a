"""What Apple's refusals mean, and that nothing of its answers shows."""

from pathlib import Path

import pytest
import requests
from pyicloud import exceptions as theirs

from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import resume
from shared.adapters.icloud_signin_errors import told
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
