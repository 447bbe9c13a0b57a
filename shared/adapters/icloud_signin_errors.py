"""Says what a failed sign-in means, in our own sentences: pyicloud's carry Apple's whole answers, tokens included."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGN_IN_LOOK = 10.0
"""Seconds until the stored session is looked at again: a look at the disk, Apple is only asked when it has changed."""
SIGN_IN = "iCloud wants a sign-in: run photoduct login"
ADP = (
    "Advanced Data Protection is on for this Apple Account: allow web access in its iCloud settings"
)
KEYS = "This Apple Account signs in with security keys only, which photoduct cannot use"


def wants_sign_in(why: str = "") -> Waiting:
    """Make the error that asks the person to run `photoduct login`."""
    return waiting_for_sign_in(f"{why}; {SIGN_IN}" if why else SIGN_IN)


def waiting_for_sign_in(text: str) -> Waiting:
    """Make the error with a text that says already what is to be done."""
    return Waiting(text, attention="icloud-session", retry_after=SIGN_IN_LOOK)


def unreachable() -> Waiting:
    """Make the error for a line that is down."""
    return Waiting("iCloud cannot be reached", attention="icloud-unreachable", retry_after=60)


@contextmanager
def told(*, asking: bool = True) -> Iterator[None]:
    """Turn pyicloud's errors into ours; `asking` is True where a password was given."""
    from pyicloud import exceptions as theirs

    try:
        yield
    except theirs.PyiCloudConnectionException:
        raise unreachable() from None
    except theirs.PyiCloudAccountLockedException:
        raise Permanent("Apple has locked this account; unlock it at iforgot.apple.com") from None
    except theirs.PyiCloudAcceptTermsException:
        raise Permanent("Apple wants its new terms accepted: sign in at icloud.com once") from None
    except theirs.PyiCloudException as error:
        raise _sorted_by_status(error, asking=asking) from None
    except (LookupError, TypeError, ValueError) as error:
        raise Transient(
            f"Apple's answer to the sign-in is not understood ({type(error).__name__})"
        ) from None


def _sorted_by_status(error: Exception, *, asking: bool) -> PhotoductError:
    status = _status(error)
    if status == 423 or "ACCESS_DENIED" in f"{error} {error.__cause__}":
        return Permanent(ADP) if asking else wants_sign_in(ADP)
    if status in (429, 503):
        text = "Apple limits sign-ins at the moment; wait some hours, the password may be right"
        return (
            Transient(text, retry_after=3600)
            if asking
            else Waiting("Apple limits requests", attention="icloud-slow", retry_after=900)
        )
    if not asking:
        return unreachable() if status >= 500 else wants_sign_in()
    return _refused(error, status)


def _refused(error: Exception, status: int) -> PhotoductError:
    if "no auth method" in f"{error} {error.__cause__}".lower():
        return Permanent(KEYS)
    if status == 412:
        return Permanent("Apple wants something confirmed first: sign in at icloud.com once")
    if status in (401, 403):
        return Permanent("Apple refuses this Apple Account or password; it was tried only once")
    return Transient(f"Apple answered the sign-in with an error ({status or 'no status'})")


def _status(error: Exception) -> int:
    """Return the HTTP status behind one of pyicloud's errors, 0 when there is none."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        status = getattr(response, "status_code", None) or getattr(one, "code", None)
        if isinstance(status, int):
            return status
    return 0
