"""The six-digit code of a sign-in at pyicloud's client: where it can go, and whether Apple takes it; it keeps none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from shared.adapters.icloud_signin_errors import service_codes, status_of, told
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS: Final = 6
UNTRUSTED: Final = "Apple did not trust this sign-in; try photoduct login again later"
_WRONG: Final = "-21669"
Channel = Literal["devices", "sms", "nothing"]


def accepts(client: Any, code: str) -> bool:
    """Say whether Apple takes the code; raises pyicloud's error for what says nothing about the code."""
    from pyicloud.exceptions import PyiCloudTrustedDeviceVerificationException

    by_bridge = client._trusted_device_bridge_state is not None
    client.code_error = None
    try:
        if client.validate_2fa_code(code):
            return True
    except PyiCloudTrustedDeviceVerificationException as error:
        client.code_error = error
    if client.code_error is None and not by_bridge:  # the code was right, and yet
        raise Permanent(UNTRUSTED)
    _raise_unless_wrong(client.code_error)
    if by_bridge:  # its code counts once
        client.push_to_devices()
    return False


def _raise_unless_wrong(error: Exception | None) -> None:
    if error is None:
        return
    status = status_of(error)
    if status == 429 or status >= 500:
        raise error
    if _WRONG not in service_codes(error) and status in (403, 412, 423):
        raise Permanent("Apple takes no more codes for now; run photoduct login again later")


@contextmanager
def sending() -> Iterator[None]:
    """Say what it means when a code cannot be sent: another way may be open."""
    from pyicloud.exceptions import PyiCloudConnectionException, PyiCloudException

    with told():
        try:
            yield
        except PyiCloudConnectionException:
            raise
        except PyiCloudException as error:
            if (status := status_of(error)) in (429, 503):
                raise
            raise Transient(
                f"Apple sends no code there at the moment ({status or 'no status'}); "
                "take one that you have, or another way"
            ) from None


def phones(client: Any) -> list[dict[str, Any]]:
    """Return the trusted phones as Apple describes them, each with its id."""
    verification = client._auth_data.get("phoneNumberVerification")
    found = verification.get("trustedPhoneNumbers") if isinstance(verification, dict) else None
    listed = found or client._auth_data.get("trustedPhoneNumbers") or []
    one = client._auth_data.get("trustedPhoneNumber")
    phones = [*listed, *([one] if one and not listed else [])]
    return [phone for phone in phones if isinstance(phone, dict) and phone.get("id") is not None]


def number(phone: dict[str, Any]) -> str:
    """Return a trusted phone's number as far as Apple shows it."""
    return str(phone.get("numberWithDialCode") or phone.get("obfuscatedNumber") or phone["id"])


def channel(client: Any) -> Channel:
    """Return where the last code went."""
    sent: dict[str, Channel] = {"trusted_device": "devices", "sms": "sms"}
    return sent.get(client._two_factor_delivery_method, "nothing")


def looks_like_a_code(typed: str) -> bool:
    """Say whether Apple could have sent this."""
    return len(typed) == DIGITS and typed.isascii() and typed.isdigit()
