"""idmsa's sign-in pages under /appleauth/auth: SRP, the code, the trust; it opens no data."""

import base64
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account, SigninSession
from simulators.icloud.records import Json
from simulators.icloud.srp import Protocol

_PREFIX = "/appleauth/auth"
_PHONE: dict[str, Json] = {
    "numberWithDialCode": "+49 ••• •••••42",
    "obfuscatedNumber": "••• •••••42",
    "pushMode": "sms",
    "lastTwoDigits": "42",
    "nonFTEU": False,
    "id": 1,
}


class SigninPages:
    """The pages; every answer carries the headers that a client must echo."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        code = f"{_PREFIX}/verify/trusteddevice/securitycode"
        return [
            Route(f"{_PREFIX}/authorize/signin", self.authorize),
            Route(f"{_PREFIX}/signin/init", self.init, methods=["POST"]),
            Route(f"{_PREFIX}/signin/complete", self.complete, methods=["POST"]),
            Route(_PREFIX, self.options),
            Route(code, self.push, methods=["PUT"]),
            Route(code, self.verify_device, methods=["POST"]),
            Route(f"{_PREFIX}/verify/phone", self.send_sms, methods=["PUT"]),
            Route(f"{_PREFIX}/verify/phone/securitycode", self.verify_phone, methods=["POST"]),
            Route(f"{_PREFIX}/2sv/trust", self.trust),
        ]

    async def authorize(self, request: Request) -> Response:
        """Show the (empty) sign-in frame."""
        session = self._session(request) or self._account.open_session()
        return self._echo(HTMLResponse("<!DOCTYPE html><title>Sign In</title>"), session)

    async def init(self, request: Request) -> Response:
        """Answer A with the salt and B."""
        body = await read_json(request)
        session = self._session(request) or self._account.open_session()
        try:
            public = base64.b64decode(str(body.get("a", "")))
            protocol = _choose_protocol(body.get("protocols"))
            secret, asked = self._account.begin(
                session, str(body.get("accountName", "")), public, protocol
            )
        except ValueError as error:
            return self._echo(_errors(400, "-20106", str(error)), session)
        answer: dict[str, Json] = {
            "iteration": secret.iterations,
            "salt": base64.b64encode(secret.salt).decode(),
            "protocol": secret.protocol,
            "version": 2,
            "b": base64.b64encode(asked.public).decode(),
            "c": session.reply_key,
        }
        # Apple labels this JSON as HTML.
        return self._echo(HTMLResponse(json.dumps(answer)), session)

    async def complete(self, request: Request) -> Response:
        """Check the proofs; a known trust token makes the code unnecessary."""
        body = await read_json(request)
        session = self._session(request)
        if session is None or not self._proves(session, body):
            return _errors(401, "-20101", "Check the account information and try again.")
        tokens = body.get("trustTokens")
        if isinstance(tokens, list) and self._account.trust_tokens & {str(t) for t in tokens}:
            session.stage = "verified"
            done: dict[str, Json] = {"authType": "hsa2"}
            return self._echo(JSONResponse(done), session, self._signed_in())
        self._account.show_code(session)
        asked = JSONResponse({"authType": "hsa2"}, status_code=409)
        return self._echo(asked, session, {**self._signed_in(), "X-Apple-I-Rscd": "409"})

    def _proves(self, session: SigninSession, body: Mapping[str, Json]) -> bool:
        try:
            m1, m2 = (base64.b64decode(str(body.get(name, ""))) for name in ("m1", "m2"))
        except ValueError:
            return False
        return self._account.knows(session, str(body.get("c", "")), m1, m2)

    def _signed_in(self) -> dict[str, str]:
        return {
            "X-Apple-Session-Token": self._account.grant_session(),
            "X-Apple-ID-Account-Country": "DEU",
            "X-Apple-TwoSV-Trust-Eligible": "true",
            "X-Apple-OAuth-Grant-Code": "c" + self._account.derived("grant").hex()[:40],
        }

    async def options(self, request: Request) -> Response:
        """Say how the code can be had, as JSON or inside the page's boot arguments."""
        session = self._session(request)
        if session is None:
            return _errors(401, "-20101", "The session is not known.")
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return self._echo(JSONResponse(_phone_verification()), session)
        boot = json.dumps(_boot_args()).replace("</", "<\\/")
        page = f'<!DOCTYPE html><script type="application/json" class="boot_args">{boot}</script>'
        return self._echo(HTMLResponse(page), session)

    async def push(self, request: Request) -> Response:
        """Ask the devices to show the code again, as clients must since iOS 26.4."""
        return self._again(request, {}, 202)

    async def send_sms(self, request: Request) -> Response:
        """Send the code by SMS; in this stand-in it is the same code."""
        return self._again(request, _phone_verification(), 200)

    def _again(self, request: Request, body: dict[str, Json], status: int) -> Response:
        session = self._session(request)
        if session is None or session.stage != "wants code":
            return _errors(401, "-20101", "No code is wanted in this session.")
        return self._echo(JSONResponse(body, status_code=status), session)

    async def verify_device(self, request: Request) -> Response:
        """Take the code that a trusted device showed."""
        return await self._verify(request, Response(status_code=204))

    async def verify_phone(self, request: Request) -> Response:
        """Take the code that came by SMS."""
        return await self._verify(request, JSONResponse(_phone_verification()))

    async def _verify(self, request: Request, accepted: Response) -> Response:
        body = await read_json(request)
        session = self._session(request)
        if session is None:
            return _errors(401, "-20101", "The session is not known.")
        typed = body.get("securityCode")
        code = str(typed.get("code", "")) if isinstance(typed, dict) else ""
        if not self._account.verify(session, code):
            return self._echo(_wrong_code(), session)
        return self._echo(accepted, session, self._signed_in())

    async def trust(self, request: Request) -> Response:
        """Trust this client from now on."""
        session = self._session(request)
        if session is None or session.stage != "verified":
            return _errors(401, "-20101", "The session is not verified.")
        trusted = {"X-Apple-TwoSV-Trust-Token": self._account.grant_trust(), **self._signed_in()}
        return self._echo(Response(status_code=204), session, trusted)

    def _session(self, request: Request) -> SigninSession | None:
        session = self._account.sessions.get(request.headers.get("x-apple-id-session-id", ""))
        if session is None or request.headers.get("scnt") != session.scnt:
            return None
        return session

    def _echo(
        self, response: Response, session: SigninSession, more: Mapping[str, str] | None = None
    ) -> Response:
        response.headers["scnt"] = session.scnt
        response.headers["X-Apple-ID-Session-Id"] = session.id
        response.headers["X-Apple-Auth-Attributes"] = self._account.derived(session.id).hex()
        response.headers.update(dict(more or {}))
        return response


async def read_json(request: Request) -> dict[str, Json]:
    """Read a request's JSON object whatever its content type says; anything else is empty."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _choose_protocol(offered: Json) -> Protocol:
    """Take the plain form unless the client offers the other one only."""
    names = offered if isinstance(offered, list) else ["s2k"]
    known: tuple[Protocol, ...] = ("s2k", "s2k_fo")
    for name in known:
        if name in names:
            return name
    raise ValueError("no known protocol was offered")


def _phone_verification() -> dict[str, Json]:
    return {
        "trustedPhoneNumbers": [_PHONE],
        "trustedPhoneNumber": _PHONE,
        "securityCode": {"length": 6, "tooManyCodesSent": False, "securityCodeLocked": False},
        "authenticationType": "hsa2",
        "hsa2Account": True,
        "supportsCustodianRecovery": False,
        "mode": "sms",
    }


def _boot_args() -> dict[str, Json]:
    verification: Json = _phone_verification()
    two_sv: dict[str, Json] = {
        "phoneNumberVerification": verification,
        "bridgeInitiateData": {"phoneNumberVerification": verification},
        "authFactors": ["trusteddevice", "sms"],
        "sourceAppId": "1159",
    }
    return {
        "direct": {
            "authInitialRoute": "auth/verify/device",
            "hasTrustedDevices": True,
            "twoSV": two_sv,
        }
    }


def _errors(status: int, code: str, message: str) -> Response:
    error = {"code": code, "message": message, "suppressDismissal": False}
    return JSONResponse({"serviceErrors": [error], "hasError": True}, status_code=status)


def _wrong_code() -> Response:
    error = {
        "code": "-21669",
        "title": "Incorrect Verification Code",
        "message": "Incorrect verification code.",
    }
    return JSONResponse({"service_errors": [error], "hasError": True}, status_code=400)
