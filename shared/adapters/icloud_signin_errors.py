"""Says what a failed sign-in means, in our own sentences: pyicloud's carry Apple's whole answers, tokens included."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGN_IN_LOOK: Final = 10.0
"""Seconds until the stored session is looked at again: a look at the disk, Apple is only asked when it has changed."""
SIGN_IN: Final = "iCloud wants a sign-in: run photoduct login"
ADP: Final = (
    "Advanced Data Protection is on for this Apple Account, and no device of it lets us see the photos: "
    "run photoduct login and allow it on the device that asks"
)
WEB_ACCESS: Final = (
    "'Access iCloud Data on the Web' is off for this Apple Account: "
    "switch it on in the iPhone's settings, under your name, iCloud"
)
DENIED: Final = (
    "iCloud denies access to the photos of this Apple Account: Advanced Data Protection is on, or 'Access iCloud Data "
    "on the Web' is off; allow web access in the iPhone's settings, under your name, iCloud"
)
KEYS: Final = "This Apple Account signs in with security keys only, which photoduct cannot use"
LOCKED: Final = "Apple has locked this account; unlock it at iforgot.apple.com"
TERMS: Final = "Apple wants its new terms accepted: sign in at icloud.com once"
CONFIRM: Final = "Apple wants something confirmed first: sign in at icloud.com once"
CHINA: Final = "This Apple Account belongs to {domain}: set icloud.china_mainland to {flag}"
_LOOK_AGAIN: Final = 300.0
"""Seconds until Apple is asked again about what only the person can change elsewhere."""
_LIMIT: Final = 3600.0
"""Seconds to wait when Apple limits sign-ins without saying for how long."""
_LONGEST: Final = 86_400.0


def wants_sign_in(why: str = "") -> Waiting:
    """Make the error that asks the person to run `photoduct login`."""
    return waiting_for_sign_in(f"{why}; {SIGN_IN}" if why else SIGN_IN)


def waiting_for_sign_in(text: str) -> Waiting:
    """Make the error with a text that says already what is to be done."""
    return Waiting(text, attention="icloud-session", retry_after=SIGN_IN_LOOK)


def unreachable() -> Waiting:
    """Make the error for a line that is down."""
    return Waiting("iCloud cannot be reached", attention="icloud-unreachable", retry_after=60)


def limited(until: datetime) -> Transient:
    """Make the error for a time in which Apple takes no sign-ins."""
    seconds = max(1.0, (until - datetime.now(UTC)).total_seconds())
    text = f"Apple limits sign-ins until {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Throttled(f"{text}; try again then, the password may be right", retry_after=seconds)


class Throttled(Transient):
    """Apple takes no sign-ins for `retry_after` seconds; a password says nothing until then."""


@contextmanager
def told(*, asking: bool = True) -> Iterator[None]:
    """Turn pyicloud's errors into ours; `asking` is True where a person is at hand, else nothing is Permanent."""
    from pyicloud import exceptions as theirs

    try:
        yield
    except theirs.PyiCloudConnectionException:
        raise unreachable() from None
    except theirs.PyiCloudAccountLockedException:
        raise for_person(LOCKED, asking=asking) from None
    except theirs.PyiCloudAcceptTermsException:
        raise for_person(TERMS, asking=asking) from None
    except theirs.PyiCloudException as error:
        raise _sorted_by_status(error, asking=asking) from None
    except (LookupError, TypeError, ValueError) as error:
        raise Transient(
            f"Apple's answer to the sign-in is not understood ({type(error).__name__})"
        ) from None


def named(status: int, said: str) -> Waiting | None:
    """Return the error for a refusal of CloudKit's that only the person can end, None for any other.

    `said` is Apple's answer, or its error code.
    """
    text = _name(status, said)
    return Waiting(text, attention="icloud-session", retry_after=_LOOK_AGAIN) if text else None


def _name(status: int, said: str) -> str:
    if "no auth method" in said.lower():
        return KEYS
    if status == 423:
        return ADP
    denied = "ACCESS_DENIED" in said or "private db access disabled" in said
    return DENIED if denied else ""


def for_person(text: str, *, asking: bool) -> PhotoductError:
    """Make the error that only a person can end: at once while one signs in, else the work waits."""
    return Permanent(text) if asking else waiting_for_sign_in(text)


def _sorted_by_status(error: Exception, *, asking: bool) -> PhotoductError:
    status, said = status_of(error), _said(error)
    if text := _name(status, said):
        return for_person(text, asking=asking)
    if status in (429, 503):
        wish = _wish(error)
        if asking:
            return Throttled("Apple limits sign-ins at the moment", retry_after=wish or _LIMIT)
        return Waiting("Apple limits requests", attention="icloud-slow", retry_after=wish or 900)
    if not asking:
        return unreachable() if status >= 500 else wants_sign_in()
    return _refused(status)


def _refused(status: int) -> PhotoductError:
    if status == 412:
        return Permanent(CONFIRM)
    if status in (401, 403):
        return Permanent("Apple refuses this Apple Account or password; it was tried only once")
    return Transient(f"Apple answered the sign-in with an error ({status or 'no status'})")


def status_of(error: Exception) -> int:
    """Return the HTTP status behind one of pyicloud's errors, 0 when there is none."""
    for one in _chain(error):
        response = getattr(one, "response", None)
        status = getattr(response, "status_code", None) or getattr(one, "code", None)
        if isinstance(status, int):
            return status
    return 0


def service_codes(error: Exception) -> frozenset[str]:
    """Return the codes of Apple's own errors in the answer behind one of pyicloud's errors: {"-21669"}."""
    for one in _chain(error):
        try:
            body = getattr(one, "response", None).json()  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            continue
        listed = (body.get("service_errors") or body.get("serviceErrors")) if body else None
        return frozenset(str(each.get("code")) for each in listed or ())
    return frozenset()


def _wish(error: Exception) -> float | None:
    """Return how many seconds Apple asks to be left alone, None when it does not say."""
    for one in _chain(error):
        headers: Any = getattr(getattr(one, "response", None), "headers", None) or {}
        if (raw := headers.get("Retry-After")) is not None:
            return _seconds(str(raw))
    return None


def _seconds(raw: str) -> float | None:
    try:
        seconds = float(raw) if raw.replace(".", "", 1).isdigit() else _until(raw)
    except ValueError:
        return None
    return min(max(seconds, 1.0), _LONGEST)


def _until(date: str) -> float:
    return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()


def _said(error: Exception) -> str:
    return " ".join(str(one) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__
