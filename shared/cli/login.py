"""`photoduct login`: asks for the password and the code and shows neither; it stores nothing itself.

It goes through the running downloader's door; where none runs, it signs in itself, under the same lock.
"""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import typer

from shared.adapters.clock import SystemClock
from shared.adapters.icloud_session import trust
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import SignIn, life_of, quiet_loggers
from shared.cli import showing
from shared.cli.login_door import door_steps
from shared.domain.errors import Permanent, Transient, Waiting
from shared.runtime.settings import load_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.adapters.icloud_signin_steps import Wanted

NOT_SIGNED_IN: Final = 1
_SILENCE_S: Final = 4.0
_ALLOW: Final = (
    "Apple takes its time. If one of your devices asks whether to allow access, allow it now."
)
_SENT: Final = {
    "devices": "A code is shown on your Apple devices.",
    "sms": "A code was sent by SMS.",
    "nothing": "Apple has sent no code yet.",
}


class Steps(Protocol):
    """A sign-in: here, or behind the downloader's door."""

    def begin(self, password: str) -> Wanted | None:
        """Try the password."""
        ...

    def send_sms(self, phone: str) -> Wanted | None:
        """Send the code by SMS."""
        ...

    def push(self) -> Wanted | None:
        """Send the code to the devices."""
        ...

    def confirm(self, code: str) -> Wanted | None:
        """Try a code."""
        ...

    def cancel(self) -> None:
        """Give up."""
        ...


def login(
    apple_id: Annotated[
        str | None, typer.Option(help="Instead of the settings' icloud.apple_id.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say whether and until when you are signed in.")
    ] = False,
) -> None:
    """Sign in to iCloud: asks for the password and for the code that your device shows or an SMS brings."""
    quiet_loggers()
    settings = load_section("icloud", ICloudSettings)
    if status:
        raise typer.Exit(_show_status(settings))
    own = apple_id is None or apple_id == settings.apple_id
    settings = settings if own else settings.model_copy(update={"apple_id": apple_id})
    if not settings.apple_id:
        raise typer.BadParameter("set icloud.apple_id in the settings, or say --apple-id")
    trust(settings)  # before the password is asked for
    door = door_steps(settings.session_dir) if own else None
    try:
        sign_in(door or SignIn(settings), settings.apple_id, from_stdin=password_stdin)
    finally:
        if door is not None:
            door.close()
    showing.console.print("Signed in; photoduct goes on by itself.")


def sign_in(steps: Steps, apple_id: str, *, from_stdin: bool) -> None:
    """Go through the steps with the person; an end of the dialogue gives the attempt up."""
    wanted = steps.begin(_password(apple_id, from_stdin=from_stdin))
    try:
        if wanted is not None:
            _explain(wanted)
        while wanted is not None:
            wanted = _next(steps, wanted, _prompt("Code, or s for SMS, d for devices"))
    except (typer.Abort, KeyboardInterrupt):
        steps.cancel()
        raise


def _next(steps: Steps, wanted: Wanted, typed: str) -> Wanted | None:
    """Do what the person typed; what fails for a moment is said, and asked again."""
    try:
        match typed.strip().lower():
            case "s":
                found = _by_sms(steps, wanted)
            case "d":
                found = steps.push()
            case code:
                with _patience():
                    found = steps.confirm(code)
    except (Transient, Waiting) as error:
        showing.console.print(f"{error}.", markup=False)
        return wanted
    if found is not None:
        _say(found)
    return found


@contextmanager
def _patience() -> Iterator[None]:
    """Say what a long silence can mean: with Advanced Data Protection Apple waits most of a minute for a device."""
    hint = Timer(_SILENCE_S, showing.console.print, (_ALLOW,))
    hint.daemon = True
    hint.start()
    try:
        yield
    finally:
        hint.cancel()


def _by_sms(steps: Steps, wanted: Wanted) -> Wanted | None:
    if not wanted.phones:
        raise Transient("Apple names no phone number for an SMS")
    if len(wanted.phones) == 1:
        return steps.send_sms(wanted.phones[0].id)
    number = _prompt(f"Which phone, 1 to {len(wanted.phones)}").strip()
    if not number.isdigit() or not 1 <= int(number) <= len(wanted.phones):
        raise Transient(f"There is no phone {number}")
    return steps.send_sms(wanted.phones[int(number) - 1].id)


def _explain(wanted: Wanted) -> None:
    for place, phone in enumerate(wanted.phones, 1):
        showing.console.print(f"  {place}: {showing.printable(phone.number)}", markup=False)
    _say(wanted)


def _say(wanted: Wanted) -> None:
    text = f"{wanted.note}; {_tries(wanted.tries)}." if wanted.note else _SENT[wanted.sent]
    showing.console.print(text, markup=False)


def _tries(left: int) -> str:
    return "one try is left" if left == 1 else f"{left} tries are left"


def _password(apple_id: str, *, from_stdin: bool) -> str:
    """Return the password; Permanent when there is none. It is never an argument: every user can read those."""
    try:
        found = sys.stdin.readline() if from_stdin else getpass.getpass(f"Password of {apple_id}: ")
    except EOFError:
        found = ""
    if not (password := found.rstrip("\r\n")):
        raise Permanent("No password was given")
    return password


def _prompt(question: str) -> str:
    return str(typer.prompt(question))


def _show_status(settings: ICloudSettings) -> int:
    """Print how the session is; return the exit status."""
    door = door_steps(settings.session_dir)
    state: dict[str, Any] = {}
    if door is not None:
        state = door.state()
        door.close()
    for line in (_session(settings), *_door_says(state)):
        showing.console.print(line, markup=False)
    life = life_of(settings)
    return NOT_SIGNED_IN if life is None or life.ended else 0


def _session(settings: ICloudSettings) -> str:
    life, now = life_of(settings), SystemClock().now()
    if life is None:
        return "Nobody has signed in: run photoduct login."
    if life.ended:
        return f"{life.ended}."
    since = f"Signed in since {life.made_at:%Y-%m-%d} ({life.age(now) / 86_400:.0f} days)"
    left = max(0.0, life.days_left(now))
    return f"{since}; expected to end on {life.ends_at:%Y-%m-%d}, in {left:.0f} days."


def _door_says(state: dict[str, Any]) -> list[str]:
    lines = []
    if state.get("wants"):
        lines.append("A sign-in is under way: it waits for the code.")
    if until := state.get("refused_until"):
        moment = datetime.fromisoformat(str(until))
        lines.append(f"Apple takes no sign-ins until {moment:%Y-%m-%d %H:%M:%S} UTC.")
    return lines
