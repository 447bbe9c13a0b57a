"""The setup host under /setup/ws/1: turns sign-in tokens into cookies; it gives no photos."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json

TOKEN_COOKIE = "X-APPLE-WEBAUTH-TOKEN"  # noqa: S105  (a cookie's name)
_MONTH_SECONDS = 30 * 86400
_TERMS = 140_502
PREFIX = "/setup/ws/1"


def base_url(request: Request) -> str:
    """The address under which this client reached us: cookies hold for one host name only."""
    return f"https://{request.headers.get('host', '127.0.0.1')}"


def _apple_domain(request: Request) -> str | None:
    """The domain of Apple's that this client reached us by; None on a name that only tests use."""
    host = request.headers.get("host", "").partition(":")[0]
    return next((d for d in ("icloud.com", "icloud.com.cn") if host.endswith(f".{d}")), None)


def _data_url(request: Request) -> str:
    """Where the account's photos are: by Apple's names it is another host than the one asked."""
    domain = _apple_domain(request)
    return base_url(request) if domain is None else f"https://p42-ckdatabasews.{domain}"


def is_signed_in(account: Account, request: Request) -> bool:
    """Say whether a request carries a living session's cookie."""
    return account.knows_web_session(request.cookies.get(TOKEN_COOKIE))


def no_session(status: int = 421) -> Response:
    """Apple's answer to a request whose cookie is missing or stale."""
    body = {"success": False, "error": "Missing X-APPLE-WEBAUTH-TOKEN cookie"}
    return JSONResponse(body, status_code=status)


class SetupPages:
    """The pages of the setup host."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        pages = {
            "accountLogin": self.account_login,
            "validate": self.validate,
            "logout": self.logout,
        }
        return [
            *(Route(f"{PREFIX}/{n}", page, methods=["POST"]) for n, page in pages.items()),
            Route(f"{PREFIX}/getTerms", self.terms),
            Route(f"{PREFIX}/repairDone", self.accept_terms),
        ]

    async def account_login(self, request: Request) -> Response:
        """Open a web session; only a known trust token makes it one that may see data."""
        body = await read_json(request)
        token = body.get("dsWebAuthToken")
        self._account.counts["account_logins"] += 1
        if not self._account.knows_session(token):
            self._account.counts["account_logins_refused"] += 1
            refused = {"success": False, "error": "Invalid Session Token"}
            return JSONResponse(refused, status_code=self._account.settings.ended_status)
        trusted = self._account.trusts_token(body.get("trustToken"))
        response = JSONResponse(self._account_data(request, trusted=trusted))
        if trusted:
            set_cookie(request, response, TOKEN_COOKIE, self._account.open_web_session(token))
        set_cookie(request, response, "X-APPLE-WEBAUTH-USER", f"v=1:s=1:d={self._account.dsid}")
        return response

    async def validate(self, request: Request) -> Response:
        """Say whether the cookie still holds."""
        if not is_signed_in(self._account, request):
            return no_session(self._account.settings.ended_status)
        return JSONResponse(self._account_data(request, trusted=True))

    async def terms(self, _request: Request) -> Response:
        """Give the terms that wait to be accepted."""
        return JSONResponse({"iCloudTerms": {"version": _TERMS, "text": "Be kind."}})

    async def accept_terms(self, request: Request) -> Response:
        """Take the person's yes to the newest terms."""
        if (await read_json(request)).get("acceptedICloudTerms") != _TERMS:
            return JSONResponse({"success": False, "error": "unknown terms"}, status_code=400)
        self._account.set(terms_accepted=True)
        return JSONResponse({"success": True})

    async def logout(self, request: Request) -> Response:
        """End the web session; without trustBrowser every trust ends too."""
        body = await read_json(request)
        self._account.web.end(request.cookies.get(TOKEN_COOKIE, ""))
        if not body.get("trustBrowser"):
            self._account.trusts.end_all()
            self._account.signed_in.end_all()
        response = JSONResponse({"success": True})
        domain = _apple_domain(request)
        response.delete_cookie(TOKEN_COOKIE, domain=domain, secure=True, httponly=True)
        return response

    def _account_data(self, request: Request, *, trusted: bool) -> dict[str, Json]:
        data_host: dict[str, Json] = {"url": _data_url(request), "status": "active"}
        return {
            "dsInfo": {
                "dsid": self._account.dsid,
                "appleId": self._account.apple_id,
                "primaryEmail": self._account.apple_id,
                "hsaVersion": 2,
                "hsaEnabled": True,
                "hasICloudQualifyingDevice": True,
                "languageCode": "en-us",
                "countryCode": "DEU",
                "locked": False,
                "statusCode": 2,
            },
            "hsaTrustedBrowser": trusted,
            "hsaChallengeRequired": not trusted,
            "webservices": {"ckdatabasews": {"pcsRequired": True, **data_host}},
            "apps": {"photos": {}},
            "appsOrder": ["photos"],
            "isExtendedLogin": True,
            "pcsEnabled": True,
            "termsUpdateNeeded": not self._account.settings.terms_accepted,
            "version": 2,
        }


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Set a cookie as Apple does, for as long as a month."""
    domain = _apple_domain(request)  # by Apple's names the cookies hold for all its hosts
    response.set_cookie(
        name, value, max_age=_MONTH_SECONDS, domain=domain, secure=True, httponly=True
    )
