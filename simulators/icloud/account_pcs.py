"""Web access and Advanced Data Protection: who may see data, and a device's consent; it decrypts nothing."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.records import Json
from simulators.icloud.setup_pages import PREFIX, is_signed_in, no_session, set_cookie
from simulators.icloud.signin import read_json

_COOKIE = "X-APPLE-WEBAUTH-PCS-Photos"
_COOKIES = (_COOKIE, "X-APPLE-WEBAUTH-PCS-Sharing")
_HOUR_MS = 3_600_000


def refusal(account: Account, request: Request) -> Response | None:
    """Why a request may not see the account's data, as CloudKit says it; None when it may."""
    settings = account.settings
    if not is_signed_in(account, request):
        return no_session()
    if settings.security_keys != "off":
        # A session that no key has confirmed gets this far, and no further.
        return _refused(401, "AUTHENTICATION_FAILED", "no auth method found")
    if not settings.web_access:
        return _refused(403, "ACCESS_DENIED", "private db access disabled for this account")
    if settings.adp and not account.knows_pcs(request.cookies.get(_COOKIE)):
        body = {"errorCode": 423, "reason": "Missing PCS cookies from the request"}
        return JSONResponse(body, status_code=423)
    return None


def _refused(status: int, code: str, reason: str) -> Response:
    body = {"serverErrorCode": code, "reason": reason, "uuid": "simulated"}
    return JSONResponse(body, status_code=status)


def allow(account: Account) -> None:
    """Be the person who taps Allow on a device."""
    account.pcs_consent_until = account.clock() + round(account.settings.pcs_hours * _HOUR_MS)
    account.pcs_waited = 0


class PcsPages:
    """The pages by which a client asks a device for the keys to protected data."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Every page with its method."""
        pages = {
            "requestWebAccessState": self.state,
            "enableDeviceConsentForPCS": self.ask_device,
            "requestPCS": self.request,
        }
        return [Route(f"{PREFIX}/{n}", page, methods=["POST"]) for n, page in pages.items()]

    async def state(self, request: Request) -> Response:
        """Say whether data may be read on the web, and whether a device has to consent first."""
        if not is_signed_in(self._account, request):
            return no_session()
        return JSONResponse(self._state())

    async def ask_device(self, request: Request) -> Response:
        """Show the question on the person's devices; nobody asks where web access is off."""
        if not is_signed_in(self._account, request):
            return no_session()
        sent = self._account.settings.web_access
        self._account.counts["consents_asked"] += sent
        return JSONResponse({"isDeviceConsentNotificationSent": sent, **self._state()})

    async def request(self, request: Request) -> Response:
        """Hand out the cookies that open protected data, once a device has sent them."""
        if not is_signed_in(self._account, request):
            return no_session()
        if not self._account.settings.adp:
            return _status("success", "No keys are needed.")
        if not (self._consented() and self._account.settings.web_access):
            return _status("failure", "The device has not consented.")
        if self._account.pcs_waited < self._account.settings.pcs_waits:
            return self._wait(first=bool((await read_json(request)).get("derivedFromUserAction")))
        self._account.pcs_waited = 0
        response = _status("success", "Cookies are attached.")
        for name in _COOKIES:
            set_cookie(request, response, name, self._account.pcs.grant())
        return response

    def _wait(self, *, first: bool) -> Response:
        self._account.pcs_waited += 1
        asked, waiting = (
            "Requested the device to upload cookies.",
            "Cookies not available yet on server.",
        )
        return _status("pending", asked if first else waiting)

    def _consented(self) -> bool:
        return self._account.clock() < self._account.pcs_consent_until

    def _state(self) -> dict[str, Json]:
        settings = self._account.settings
        return {
            "dsid": int(self._account.dsid),
            "isWebAccessAllowed": settings.web_access,
            "isICDRSDisabled": settings.adp,
            "isDeviceConsentedForPCS": not settings.adp or self._consented(),
            "deviceConsentForPCSExpiry": self._account.pcs_consent_until,
        }


def _status(status: str, message: str) -> Response:
    return JSONResponse({"status": status, "message": message})
