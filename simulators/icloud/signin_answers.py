"""What idmsa's answers look like: numbers, boot arguments, keys and errors; it decides nothing."""

import base64
import json
from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, Response

from simulators.icloud.account import Account
from simulators.icloud.account_session import SigninSession
from simulators.icloud.account_settings import Phone, Throttle
from simulators.icloud.records import Json

_KEY_NAMES: list[Json] = ["Blue key", "Spare key"]
WRONG_CODE = ("-21669", "Incorrect verification code.")
TOO_MANY_WRONG = (
    "-22982",
    "You have entered an incorrect verification code too many times. Try again later.",
)
TOO_MANY_SENT = (
    "-22981",
    "Too many verification codes have been sent. Enter the last code you received, or try again later.",
)


def echo(
    account: Account,
    session: SigninSession,
    response: Response,
    more: Mapping[str, str] | None = None,
) -> Response:
    """Add the headers that a client must send back, and the status that Apple repeats in one."""
    response.headers["scnt"] = session.scnt
    response.headers["X-Apple-ID-Session-Id"] = session.id
    response.headers["X-Apple-Auth-Attributes"] = account.derived(session.id).hex()
    response.headers["X-Apple-I-Rscd"] = str(response.status_code)
    response.headers.update(dict(more or {}))
    return response


def signed_in(account: Account) -> dict[str, str]:
    """Make a session token, which alone does not mean trust, and what comes with it."""
    return {
        "X-Apple-Session-Token": account.signed_in.grant(),
        "X-Apple-ID-Account-Country": "DEU",
        "X-Apple-TwoSV-Trust-Eligible": "true",
        "X-Apple-OAuth-Grant-Code": "c" + account.derived("grant").hex()[:40],
    }


def errors(status: int, code: str, message: str) -> Response:
    """An error of the sign-in itself."""
    error = {"code": code, "message": message, "suppressDismissal": False}
    headers = {"X-Apple-I-Rscd": str(status), "X-Apple-I-Ercd": code}
    # No `hasError` here: icloudpd would look for the other list, and fall over.
    return JSONResponse({"serviceErrors": [error]}, status_code=status, headers=headers)


def code_errors(status: int, code: str, message: str, account: Account) -> Response:
    """An error of the second factor; its list has another name."""
    error = {"code": code, "title": "Verification Failed", "message": message}
    body = {**phone_verification(account), "service_errors": [error], "hasError": True}
    return JSONResponse(body, status_code=status, headers={"X-Apple-I-Ercd": code})


def unknown_session() -> Response:
    """The answer to headers that were not echoed, or to a step out of turn."""
    return errors(401, "-20101", "The session is not known, or not at this step.")


def throttled(refusal: Throttle) -> Response:
    """Apple's front door when it limits sign-ins: a page, and no word on the password."""
    page = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"
    after = refusal.retry_after
    headers = {} if after is None else {"Retry-After": str(after)}
    return HTMLResponse(page, status_code=refusal.status, headers=headers)


def second_factor(account: Account) -> dict[str, Json]:
    """What is wanted after the password; `authType` says hsa2 even where only a key will do."""
    return {"authType": "hsa2", **_keys(account)}


def _keys(account: Account) -> dict[str, Json]:
    if account.settings.security_keys != "challenge":
        return {}
    handle = _url64(account.derived("security key"))
    challenge: dict[str, Json] = {
        "challenge": _url64(account.derived("key challenge")),
        "keyHandles": [handle],
        "rpId": "apple.com",
        "allowedCredentials": handle,
    }
    return {"fsaChallenge": challenge, "keyNames": _KEY_NAMES}


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def phone_verification(account: Account, *, valid: bool = False) -> dict[str, Json]:
    """The trusted numbers and the state of the codes; `valid` is the verdict on a typed one."""
    numbers: list[Json] = [_number(phone) for phone in account.settings.phones]
    state: dict[str, Json] = {
        "length": 6,
        "tooManyCodesSent": False,
        "tooManyCodesValidated": account.codes.locked,
        "securityCodeLocked": account.codes.locked,
        "securityCodeCooldown": False,
    }
    return {
        "trustedPhoneNumbers": numbers,
        **({"trustedPhoneNumber": numbers[0]} if numbers else {}),
        "securityCode": {**state, "valid": True} if valid else state,
        "authenticationType": "hsa2",
        "hsa2Account": True,
        "supportsCustodianRecovery": False,
        "mode": "sms",
        **_keys(account),
    }


def _number(phone: Phone) -> Json:
    return {
        "numberWithDialCode": f"+49 ••• •••••{phone.ending}",
        "obfuscatedNumber": f"••• •••••{phone.ending}",
        "pushMode": "sms",
        "lastTwoDigits": phone.ending,
        "nonFTEU": False,
        "id": phone.id,
    }


def boot_page(account: Account) -> Response:
    """The page whose boot arguments hold the same; clients read them in two places."""
    verification = phone_verification(account)
    device = account.settings.trusted_device
    factors: list[Json] = [*(["trusteddevice"] if device else []), "sms"]
    two_sv: dict[str, Json] = {
        "phoneNumberVerification": verification,
        "bridgeInitiateData": {"phoneNumberVerification": verification},
        "authFactors": factors,
        "sourceAppId": "1159",
    }
    route = "auth/verify/device" if device else "auth/verify/phone"
    direct: Json = {"authInitialRoute": route, "hasTrustedDevices": device, "twoSV": two_sv}
    boot = json.dumps({"direct": direct}).replace("</", "<\\/")
    page = f'<!DOCTYPE html><script type="application/json" class="boot_args">{boot}</script>'
    return HTMLResponse(page)
