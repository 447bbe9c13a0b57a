"""What `photoduct login` says while it waits."""

from __future__ import annotations

import time

import pytest

from shared.adapters.icloud_signin_steps import Wanted
from shared.cli import login

HINT = "allow it now"


class Steps:
    """A sign-in of which the code takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def begin(self, _password: str) -> Wanted | None:
        return Wanted(phones=(), sent="devices")

    def send_sms(self, _phone: str) -> Wanted | None:
        raise NotImplementedError

    push = cancel = lambda self: None

    def confirm(self, _code: str) -> Wanted | None:
        time.sleep(self.seconds)
        return None


@pytest.mark.parametrize(("seconds", "said"), [(0.5, True), (0.0, False)])
def test_whoever_waits_long_after_the_code_is_told_to_look_at_the_devices(
    seconds: float,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(login, "_SILENCE_S", 0.1)
    monkeypatch.setattr(login, "_prompt", lambda _question: "123456")
    monkeypatch.setattr(login, "_password", lambda _apple_id, from_stdin: "a password")
    login.sign_in(Steps(seconds), "a@b.test", from_stdin=False)
    time.sleep(0.2)
    assert (HINT in " ".join(capsys.readouterr().out.split())) is said
