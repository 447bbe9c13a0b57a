"""idmsa's pages of the second factor: codes by device and by SMS, keys, trust; it opens no data."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.account_codes import DEVICE, by_sms
from simulators.icloud.account_session import SigninSession
from simulators.icloud.records import Json
from simulators.icloud.signin import PREFIX, find_session, read_json
from simulators.icloud.signin_answers import (
    TOO_MANY_SENT,
    TOO_MANY_WRONG,
    WRONG_CODE,
    boot_page,
    code_errors,
    echo,
    phone_verification,
    second_factor,
    signed_in,
    unknown_session,
)


class CodePages:
    """The pages; a code typed where another channel's is wanted is a wrong one."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        device = f"{PREFIX}/verify/trusteddevice/securitycode"
        phone = f"{PREFIX}/verify/phone"
        return [
            Route(PREFIX, self.options),
            Route(device, self.push, methods=["PUT"]),
            Route(device, self.verify_device, methods=["POST"]),
            Route(phone, self.send_sms, methods=["PUT"]),
            Route(f"{phone}/securitycode", self.verify_phone, methods=["POST"]),
            Route(f"{PREFIX}/2sv/trust", self.trust),
        ]

    async def options(self, request: Request) -> Response:
        """Say how the code can be had, as JSON or inside the page's boot arguments."""
        session = find_session(self._account, request)
        if session is None:
            return unknown_session()
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return echo(self._account, session, JSONResponse(phone_verification(self._account)))
        return echo(self._account, session, boot_page(self._account))

    async def push(self, request: Request) -> Response:
        """Show a new code on the devices, as clients must ask for since iOS 26.4."""
        session = self._wanting(request)
        if session is None or not self._account.settings.trusted_device:
            return unknown_session()
        if refused := self._refuse():
            return echo(self._account, session, refused)
        self._account.show_code(session, DEVICE)
        return echo(self._account, session, JSONResponse({}, status_code=202))

    async def send_sms(self, request: Request) -> Response:
        """Send a new code to one of the trusted numbers."""
        session = self._wanting(request)
        phone = _phone_id(await read_json(request))
        known = {known.id for known in self._account.settings.phones}
        if session is None or phone not in known:
            return unknown_session()
        if refused := self._refuse() or self._refuse_sms():
            return echo(self._account, session, refused)
        self._account.show_code(session, by_sms(phone))
        return echo(self._account, session, JSONResponse(phone_verification(self._account)))

    async def verify_device(self, request: Request) -> Response:
        """Take the code that a trusted device showed."""
        body = await read_json(request)
        return self._verify(request, DEVICE, body, Response(status_code=204))

    async def verify_phone(self, request: Request) -> Response:
        """Take the code that came by SMS."""
        body = await read_json(request)
        accepted = JSONResponse(phone_verification(self._account, valid=True))
        return self._verify(request, by_sms(_phone_id(body)), body, accepted)

    def _verify(
        self, request: Request, channel: str, body: dict[str, Json], accepted: Response
    ) -> Response:
        session = find_session(self._account, request)
        if session is None:
            return unknown_session()
        refused = self._refuse() or self._judge(session, channel, _typed(body))
        if refused:
            return echo(self._account, session, refused)
        if self._account.settings.accepts_code_with == 409:
            body = phone_verification(self._account, valid=True)
            accepted = JSONResponse(body, status_code=409)
        return echo(self._account, session, accepted, signed_in(self._account))

    def _judge(self, session: SigninSession, channel: str, typed: str) -> Response | None:
        match self._account.verify(session, channel, typed):
            case "right":
                return None
            case "wrong":
                return code_errors(400, *WRONG_CODE, self._account)
            case "locked":
                return code_errors(423, *TOO_MANY_WRONG, self._account)

    def _refuse(self) -> Response | None:
        """Refuse codes of every channel where only a key will do: each page asks for the key again."""
        if self._account.settings.security_keys != "challenge":
            return None
        return JSONResponse(second_factor(self._account), status_code=409)

    def _refuse_sms(self) -> Response | None:
        if self._account.codes.may_text(self._account.settings.sms_a_day):
            return None
        return code_errors(423, *TOO_MANY_SENT, self._account)

    async def trust(self, request: Request) -> Response:
        """Trust this client from now on."""
        session = find_session(self._account, request)
        if session is None or session.stage != "verified":
            return unknown_session()
        self._account.counts["trusts"] += 1
        token = self._account.trusts.grant()
        more = {"X-Apple-TwoSV-Trust-Token": token, **signed_in(self._account)}
        return echo(self._account, session, Response(status_code=204), more)

    def _wanting(self, request: Request) -> SigninSession | None:
        session = find_session(self._account, request)
        return session if session and session.stage == "wants code" else None


def _typed(body: dict[str, Json]) -> str:
    typed = body.get("securityCode")
    return str(typed.get("code", "")) if isinstance(typed, dict) else ""


def _phone_id(body: dict[str, Json]) -> int:
    phone = body.get("phoneNumber")
    found = phone.get("id") if isinstance(phone, dict) else None
    return found if isinstance(found, int) else 0
