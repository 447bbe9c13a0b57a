"""pyicloud's client with our hosts, certificates and time limits; it writes nothing to disk, and logs nothing.

pyicloud is imported on first use: it costs 34 MB, and a service with a good session never needs it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from shared.adapters.icloud_signin_errors import ADP, CONFIRM, WEB_ACCESS, for_person, status_of
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.adapters.icloud_settings import ICloudSettings

_REPAIR = 412
_DEVICE_CODE = "/verify/trusteddevice/securitycode"


def quiet_loggers() -> None:
    """Keep addresses with tokens in them out of every log, whatever its level."""
    logging.getLogger("pyicloud").setLevel(logging.CRITICAL)
    for name in ("urllib3", "httpx", "httpcore", "filelock"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def apple_client(settings: ICloudSettings, password: str | None) -> Iterator[Any]:
    """Open the client with the stored tokens and cookies; it has not asked Apple for anything yet."""
    client = make_client(settings, password)
    try:
        yield client
    finally:
        client.session.close()


def make_client(settings: ICloudSettings, password: str | None) -> Any:
    """Make the client; the caller closes its session."""
    quiet_loggers()
    from pyicloud.base import PyiCloudService

    client = type("Service", (_OurWays, PyiCloudService), {})(
        settings.apple_id,
        password,
        cookie_directory=str(settings.session_dir),
        china_mainland=settings.china_mainland,
        authenticate=False,
        settings=settings,
    )
    client.session.mount("https://", _adapter(settings))
    # Its own way rewrites the stored files at every answer; a sign-in that fails must leave them as they are.
    client.session._save_session_data = lambda: None
    return client


_Base: Any = object  # pyicloud's service, which is not imported before it is needed


class _OurWays(_Base):  # type: ignore[misc]
    """Apple's hosts, or the ones of the settings; codes go to the devices first."""

    def __init__(self, *args: Any, settings: ICloudSettings, **options: Any) -> None:
        self._hosts = settings
        self.asking = False
        self.code_error: Exception | None = None
        super().__init__(*args, **options)

    def _setup_endpoints(self) -> None:
        self._idmsa_endpoint = self._hosts.auth_host
        self._auth_endpoint = f"{self._hosts.auth_host}/appleauth/auth"
        self._home_endpoint = self._hosts.home_host
        self._setup_endpoint = f"{self._hosts.setup_host}/setup/ws/1"

    def _srp_authentication(self, pause_2fa: bool = False) -> bool:
        from pyicloud.exceptions import PyiCloudFailedLoginException

        try:
            return bool(super()._srp_authentication(pause_2fa=pause_2fa))
        except PyiCloudFailedLoginException as error:
            if status_of(error) != _REPAIR:
                raise
        self._pass_over_repair()
        return False

    def _pass_over_repair(self) -> None:
        """Leave what Apple would have the person look at first (a recovery contact) for another day, and go on."""
        from pyicloud import exceptions as theirs

        headers = self._get_auth_headers()
        try:
            self.session.post(f"{self._auth_endpoint}/repair/complete", json={}, headers=headers)
        except theirs.PyiCloud2FARequiredException:
            self._requires_mfa = True
            self._auth_data = self._get_mfa_auth_options()
            with suppress(
                theirs.PyiCloudAPIResponseException, theirs.PyiCloudNoTrustedNumberAvailable
            ):  # the person can ask for a code by hand
                self.request_2fa_code()
        except theirs.PyiCloudAPIResponseException as error:
            if status_of(error) in (400, 401, 403, 404, 409, _REPAIR):
                raise Permanent(CONFIRM) from None
            raise

    def request_2fa_code(self) -> bool:
        """Ask for the code where the person sees it first: on their devices, else by SMS."""
        keys = self._auth_data.get("fsaChallenge") or self.security_key_names
        if keys or self._supports_trusted_device_bridge() or not self.has_devices():
            return bool(super().request_2fa_code())
        return self.push_to_devices()

    def has_devices(self) -> bool:
        """Say whether a trusted device can show the code."""
        boot = self._current_hsa2_boot_context()
        return boot.has_trusted_devices or "trusteddevice" in boot.auth_factors

    def push_to_devices(self) -> bool:
        """Have the devices show a code: since iOS 26.4 they do only when asked."""
        self._two_factor_code_requested = False
        if self._supports_trusted_device_bridge():
            return bool(super().request_2fa_code())
        headers = self._get_auth_headers({"Accept": "application/json"})
        self.session.put(f"{self._auth_endpoint}{_DEVICE_CODE}", headers=headers)
        self._set_two_factor_delivery_state("trusted_device")
        return True

    def send_sms(self, phone: dict[str, Any]) -> bool:
        """Send the code to one of the trusted phones, as Apple describes it."""
        self._auth_data["trustedPhoneNumber"] = phone
        return bool(self._request_sms_2fa_code())

    def _check_pcs_consent(self) -> dict[str, Any]:
        """Look whether the photos may be seen on the web: nobody's phone is bothered unless somebody signs in."""
        found: dict[str, Any] = super()._check_pcs_consent()
        if found.get("isWebAccessAllowed") is False:
            raise for_person(WEB_ACCESS, asking=self.asking)
        closed = found.get("isICDRSDisabled") and not found.get("isDeviceConsentedForPCS", True)
        if closed and not self.asking:
            raise for_person(ADP, asking=False)
        return found

    def _validate_trusted_device_code(self, code: str) -> None:
        self._noted(super()._validate_trusted_device_code, code)

    def _validate_sms_code(self, code: str) -> None:
        self._noted(super()._validate_sms_code, code)

    def _noted(self, validate: Any, code: str) -> None:
        """Keep the error that pyicloud turns into "wrong code", whatever it was."""
        self.code_error = None
        try:
            validate(code)
        except Exception as error:
            self.code_error = error
            raise


def _adapter(settings: ICloudSettings) -> Any:
    """Return what sends requests: our certificates win over the environment's, and none waits for ever."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """Sends with our certificates and time limit."""

        @override
        def send(self, request: Any, *_args: Any, **options: Any) -> Any:
            verify = str(settings.ca_bundle) if settings.ca_bundle else options.get("verify")
            return super().send(
                request, **options | {"verify": verify, "timeout": settings.timeout}
            )

    return Adapter()


def open_protected(client: Any, *, asking: bool) -> None:
    """Ask for the cookies that an account with Advanced Data Protection needs; nothing for others.

    `asking` is True while a person signs in, who is then told at once.
    """
    from pyicloud.exceptions import PyiCloudAPIResponseException, PyiCloudConnectionException

    client.asking = asking
    try:
        client._request_pcs_for_service("photos")
    except PyiCloudConnectionException:
        raise
    except PyiCloudAPIResponseException as error:
        if (status := status_of(error)) == 429 or status >= 500:
            raise  # Apple's trouble, and nothing about this account
        raise for_person(ADP, asking=asking) from None
