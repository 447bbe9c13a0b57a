"""The pages under /admin for time, account and codes: what a test turns; Apple has none of them."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.account_codes import DEVICE, by_sms
from simulators.icloud.account_pcs import allow
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json

_COUNTED = (
    "sign_ins",
    "wrong_passwords",
    "throttled",
    "codes_by_device",
    "codes_by_sms",
    "wrong_codes",
    "trusts",
    "account_logins",
    "account_logins_refused",
    "consents_asked",
)


@dataclass(frozen=True)
class AccountPages:
    """GET shows, POST sets: /admin/account and /admin/clock; GET /admin/code shows the codes."""

    account: Account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        return [
            Route("/admin/account", self.show),
            Route("/admin/account", self.set, methods=["POST"]),
            Route("/admin/clock", self.show_clock),
            Route("/admin/clock", self.advance, methods=["POST"]),
            Route("/admin/code", self.show_codes),
        ]

    async def show(self, _request: Request) -> Response:
        """Give the settings, and counts of what clients did since the start."""
        settings = self.account.settings.model_dump(mode="json")
        counts = {name: self.account.counts[name] for name in _COUNTED}
        return JSONResponse({**settings, "counts": counts})

    async def set(self, request: Request) -> Response:
        """Change settings and do what the body asks for: 400 with a reason, and nothing done, when it cannot."""
        body = await read_json(request)
        deeds = {name: deed for name, deed in self._deeds().items() if body.pop(name, False)}
        password = body.pop("password", None)
        try:
            self.account.set(**body)
        except ValidationError as error:
            return _refused(_sentence(error))
        if password is not None:
            self.account.change_password(str(password))
        for deed in deeds.values():
            deed()
        return await self.show(request)

    def _deeds(self) -> dict[str, Callable[[], None]]:
        return {
            "end_sessions": self.account.end_sessions,
            "end_trust": self.account.trusts.end_all,
            "expire_cookies": self.account.web.end_all,
            "allow_pcs": lambda: allow(self.account),
        }

    async def show_codes(self, _request: Request) -> Response:
        """Give the codes shown now: `code` is the newest of all, `device` the devices', `sms` by number id."""
        shown = self.account.codes.shown
        phones = self.account.settings.phones
        texted = {str(p.id): shown[by_sms(p.id)] for p in phones if by_sms(p.id) in shown}
        codes = {"code": self.account.code, "device": shown.get(DEVICE), "sms": texted}
        return JSONResponse(codes)

    async def show_clock(self, _request: Request) -> Response:
        """Give the time in epoch milliseconds and how far it is ahead of the machine's."""
        clock = self.account.clock
        return JSONResponse({"now": clock(), "offset_seconds": clock.offset_ms / 1000})

    async def advance(self, request: Request) -> Response:
        """Let time pass: 400 with a reason when it cannot."""
        seconds = (await read_json(request)).get("advance_seconds")
        try:
            self.account.clock.advance(_number(seconds))
        except ValueError as error:
            return _refused(str(error))
        return await self.show_clock(request)


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("advance_seconds has to be a number")
    return float(value)


def _refused(reason: str) -> Response:
    return JSONResponse({"ok": False, "reason": reason}, status_code=400)


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
