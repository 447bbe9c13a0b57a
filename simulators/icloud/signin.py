"""idmsa's password pages under /appleauth/auth: SRP and what may stand in its way; it opens no data."""

import base64
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.account_codes import DEVICE
from simulators.icloud.account_session import SigninSession
from simulators.icloud.records import Json
from simulators.icloud.signin_answers import (
    echo,
    errors,
    second_factor,
    signed_in,
    throttled,
    unknown_session,
)
from simulators.icloud.srp import Challenge, Protocol, Secret

PREFIX = "/appleauth/auth"


class SigninPages:
    """The pages; every answer carries the headers that a client must echo."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        return [
            Route(f"{PREFIX}/authorize/signin", self.authorize),
            Route(f"{PREFIX}/signin/init", self.init, methods=["POST"]),
            Route(f"{PREFIX}/signin/complete", self.complete, methods=["POST"]),
            Route(f"{PREFIX}/repair/complete", self.repair, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Show the (empty) sign-in frame."""
        session = find_session(self._account, request) or self._account.open_session()
        return self._echo(HTMLResponse("<!DOCTYPE html><title>Sign In</title>"), session)

    async def init(self, request: Request) -> Response:
        """Answer A with the salt and B."""
        self._account.counts["sign_ins"] += 1
        if refusal := self._account.take_throttle("init"):
            return throttled(refusal)
        body = await read_json(request)
        session = find_session(self._account, request) or self._account.open_session()
        try:
            public = base64.b64decode(str(body.get("a", "")))
            protocol = self._choose_protocol(body.get("protocols"))
            name = str(body.get("accountName", ""))
            secret, asked = self._account.begin(session, name, public, protocol)
        except ValueError as error:
            return self._echo(errors(400, "-20106", str(error)), session)
        return self._echo(_challenge(secret, asked, session.reply_key), session)

    def _choose_protocol(self, offered: Json) -> Protocol:
        """Take the account's own form, or of any the first that the client offers."""
        names = offered if isinstance(offered, list) else ["s2k"]
        own = self._account.settings.protocol
        known: tuple[Protocol, ...] = ("s2k", "s2k_fo") if own == "any" else (own,)
        for name in known:
            if name in names:
                return name
        raise ValueError("no known protocol was offered")

    async def complete(self, request: Request) -> Response:
        """Check the proofs; a known trust token makes the code unnecessary."""
        if refusal := self._account.take_throttle("complete"):
            return throttled(refusal)
        body = await read_json(request)
        # icloudpd echoes no header yet: what `init` gave to be sent back says which sign-in it is.
        session = self._account.challenged(str(body.get("c", "")))
        if session is None:
            return unknown_session()
        if refused := self._refuse(session, body):
            return self._echo(refused, session)
        tokens = body.get("trustTokens")
        session.trusted = isinstance(tokens, list) and any(map(self._account.trusts_token, tokens))
        if self._account.settings.repair:
            session.stage = "wants repair"
            return self._echo(JSONResponse({"authType": "hsa2"}, status_code=412), session)
        return self._pass(session)

    def _refuse(self, session: SigninSession, body: Mapping[str, Json]) -> Response | None:
        if self._account.settings.locked:
            return errors(403, "-20209", "This Apple Account has been locked for security reasons.")
        if not self._proves(session, body):
            return errors(401, "-20101", "Check the account information and try again.")
        if self._account.settings.security_keys == "refused":
            return errors(401, "AUTHENTICATION_FAILED", "no auth method found")
        return None

    def _proves(self, session: SigninSession, body: Mapping[str, Json]) -> bool:
        try:
            m1, m2 = (base64.b64decode(str(body.get(name, ""))) for name in ("m1", "m2"))
        except ValueError:
            return False
        return self._account.knows(session, m1, m2)

    def _pass(self, session: SigninSession) -> Response:
        granted = signed_in(self._account)
        if session.trusted:
            session.stage = "verified"
            return self._echo(JSONResponse({"authType": "hsa2"}), session, granted)
        session.stage = "wants code"
        settings = self._account.settings
        pushed = settings.push == "automatic" and settings.trusted_device
        if pushed and settings.security_keys == "off":
            self._account.show_code(session, DEVICE)
        wanted = JSONResponse(second_factor(self._account), status_code=409)
        return self._echo(wanted, session, granted)

    async def repair(self, request: Request) -> Response:
        """Pass over what Apple wants to have repaired in the account, and go on."""
        session = find_session(self._account, request)
        if session is None or session.stage != "wants repair":
            return unknown_session()
        return self._pass(session)

    def _echo(
        self, response: Response, session: SigninSession, more: Mapping[str, str] | None = None
    ) -> Response:
        return echo(self._account, session, response, more)


def find_session(account: Account, request: Request) -> SigninSession | None:
    """The sign-in that a request's echoed headers name, None when they do not fit together."""
    session = account.sessions.get(request.headers.get("x-apple-id-session-id", ""))
    if session is None or request.headers.get("scnt") != session.scnt:
        return None
    return session


async def read_json(request: Request) -> dict[str, Json]:
    """Read a request's JSON object whatever its content type says; anything else is empty."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _challenge(secret: Secret, asked: Challenge, reply_key: str) -> Response:
    answer: dict[str, Json] = {
        "iteration": secret.iterations,
        "salt": base64.b64encode(secret.salt).decode(),
        "protocol": secret.protocol,
        "version": 2,
        "b": base64.b64encode(asked.public).decode(),
        "c": reply_key,
    }
    # Apple labels this JSON as HTML.
    return HTMLResponse(json.dumps(answer))
