"""Signs in to the simulated iCloud page by page, as Apple's own web client does, for the tests of each page."""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import srp  # type: ignore[import-untyped]
from pyicloud.srp_password import SrpPassword, SrpProtocolType

from simulators.icloud.account import Account
from simulators.icloud.account_settings import AccountSettings
from simulators.icloud.app import make_app

APPLE_ID = "demo@example.com"
PASSWORD = "Passwörter sind geheim"
AUTH = "/appleauth/auth"
SETUP = "/setup/ws/1"
COMPLETE = f"{AUTH}/signin/complete"
DEVICE = f"{AUTH}/verify/trusteddevice/securitycode"
PHONE = f"{AUTH}/verify/phone"
ZONES = "/database/1/com.apple.photos.cloud/production/private/zones/list"
ECHOED = ("scnt", "X-Apple-ID-Session-Id")


class Browser:
    """A client that echoes what it has to and keeps what it is granted."""

    def __init__(self, http: httpx.AsyncClient, account: Account) -> None:
        self.http = http
        self.simulated = account
        self.echo: dict[str, str] = {}
        self.session_token = ""
        self.trust_token = ""

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the echoed headers and take the new ones."""
        headers = self.echo | options.pop("headers", {})
        answer = await self.http.request(method, path, headers=headers, **options)
        self.echo |= {name: answer.headers[name] for name in ECHOED if name in answer.headers}
        self.session_token = answer.headers.get("X-Apple-Session-Token", self.session_token)
        self.trust_token = answer.headers.get("X-Apple-TwoSV-Trust-Token", self.trust_token)
        return answer

    async def account(self, **settings: object) -> dict[str, Any]:
        """Set what the account is like, and give it all with the counts."""
        answer = await self.http.post("/admin/account", json=settings)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def counts(self) -> dict[str, int]:
        found: dict[str, int] = (await self.account())["counts"]
        return found

    async def let_pass(self, *, days: float) -> None:
        """Let simulated time pass."""
        body = {"advance_seconds": days * 86_400}
        assert (await self.http.post("/admin/clock", json=body)).status_code == 200

    async def codes(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/admin/code")).json()
        return found

    async def password(
        self, password: str = PASSWORD, protocols: Sequence[str] = ("s2k", "s2k_fo")
    ) -> httpx.Response:
        """Prove a password, with the trust token if there is one; gives the last answer."""
        init, proofs = await self._init(password, protocols)
        return await self.ask("POST", COMPLETE, json=proofs) if proofs else init

    async def password_without_echo(self) -> httpx.Response:
        """Prove the password as icloudpd does, which sends nothing back until it is proved."""
        _, proofs = await self._init(PASSWORD, ("s2k", "s2k_fo"))
        self.echo = {}
        return await self.ask("POST", COMPLETE, json=proofs)

    async def _init(
        self, password: str, protocols: Sequence[str]
    ) -> tuple[httpx.Response, dict[str, Any]]:
        stretched, user = _user(password)
        name, public = user.start_authentication()
        body = {"a": _text(public), "accountName": name, "protocols": protocols}
        init = await self.ask("POST", f"{AUTH}/signin/init", json=body)
        if init.status_code != 200:
            return init, {}
        return init, self._proofs(stretched, user, init.json())

    def _proofs(self, stretched: SrpPassword, user: Any, asked: dict[str, Any]) -> dict[str, Any]:
        salt, b = base64.b64decode(asked["salt"]), base64.b64decode(asked["b"])
        stretched.set_encrypt_info(salt, asked["iteration"], 32, SrpProtocolType(asked["protocol"]))
        m1, m2 = _text(user.process_challenge(salt, b)), _text(user.H_AMK)
        proofs = {"accountName": APPLE_ID, "c": asked["c"], "m1": m1, "m2": m2}
        return {**proofs, "trustTokens": [self.trust_token] if self.trust_token else []}

    async def type_code(self, code: str | None, phone: int | None = None) -> httpx.Response:
        """Type a code: the devices', or that of a number."""
        body: dict[str, Any] = {"securityCode": {"code": code}}
        if phone is None:
            return await self.ask("POST", DEVICE, json=body)
        body |= {"phoneNumber": {"id": phone}, "mode": "sms"}
        return await self.ask("POST", f"{PHONE}/securitycode", json=body)

    async def text_me(self, phone: int) -> httpx.Response:
        """Ask for an SMS."""
        body = {"phoneNumber": {"id": phone}, "mode": "sms"}
        return await self.ask("PUT", PHONE, json=body)

    async def sign_in(self) -> None:
        """Do it all, with the code of the device."""
        assert (await self.password()).status_code == 409
        assert (await self.type_code((await self.codes())["device"])).status_code == 204
        assert (await self.ask("GET", f"{AUTH}/2sv/trust")).status_code == 204
        assert (await self.account_login()).json()["hsaTrustedBrowser"] is True

    async def account_login(self) -> httpx.Response:
        """Turn the session token into cookies."""
        body = {"dsWebAuthToken": self.session_token, "trustToken": self.trust_token}
        return await self.http.post(f"{SETUP}/accountLogin", json=body)

    async def setup(self, page: str, **body: Any) -> httpx.Response:
        """Post to the setup host."""
        return await self.http.post(f"{SETUP}/{page}", json=body)

    async def zones(self) -> httpx.Response:
        """Ask for data."""
        return await self.http.post(ZONES, json={})


def _user(password: str) -> tuple[SrpPassword, Any]:
    srp.rfc5054_enable()
    srp.no_username_in_x()
    stretched = SrpPassword(password)
    return stretched, srp.User(APPLE_ID, stretched, hash_alg=srp.SHA256, ng_type=srp.NG_2048)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@asynccontextmanager
async def browser(library: Path, **settings: object) -> AsyncIterator[Browser]:
    """Open a browser at an empty iCloud of an account with these settings."""
    account = Account(APPLE_ID, PASSWORD, AccountSettings.model_validate(settings))
    transport = httpx.ASGITransport(app=make_app([], library, account))
    async with httpx.AsyncClient(transport=transport, base_url="https://icloud.test") as http:
        yield Browser(http, account)
