"""What `photoduct login` says while it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.adapters.icloud_signin_steps import Wanted
from shared.cli import login

if TYPE_CHECKING:
    from collections.abc import Callable

HINT = "allow it now"


class Alarm:
    """A timer that goes off when a test says so, unless it was called off before."""

    def __init__(self, _seconds: float, call: Callable[..., Any], words: tuple[str, ...]) -> None:
        self.call, self.words, self.set = call, words, False

    def start(self) -> None:
        self.set = True

    def cancel(self) -> None:
        self.set = False

    def time_passes(self) -> None:
        if self.set:
            self.call(*self.words)


class Steps:
    """A sign-in whose code takes Apple no time, or long."""

    def __init__(self, alarms: list[Alarm], *, long: bool) -> None:
        self.alarms, self.long = alarms, long

    def begin(self, _password: str) -> Wanted | None:
        return Wanted(phones=(), sent="devices")

    def send_sms(self, _phone: str) -> Wanted | None:
        raise NotImplementedError

    push = cancel = lambda self: None

    def confirm(self, _code: str) -> Wanted | None:
        if self.long:
            self.alarms[-1].time_passes()
        return None


@pytest.mark.parametrize("long", [True, False])
def test_whoever_waits_long_after_the_code_is_told_to_look_at_the_devices(
    long: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alarms: list[Alarm] = []

    def alarm(*given: Any) -> Alarm:
        alarms.append(Alarm(*given))
        return alarms[-1]

    monkeypatch.setattr(login, "Timer", alarm)
    monkeypatch.setattr(login, "_prompt", lambda _question: "123456")
    monkeypatch.setattr(login, "_password", lambda _apple_id, from_stdin: "a password")
    login.sign_in(Steps(alarms, long=long), "a@b.test", from_stdin=False)
    told = HINT in " ".join(capsys.readouterr().out.split())
    for one in alarms:
        one.time_passes()
    told_later = HINT in " ".join(capsys.readouterr().out.split())
    assert (told, told_later, bool(alarms)) == (long, False, True)
