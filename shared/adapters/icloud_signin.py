"""Signs in to iCloud through pyicloud and resumes the stored session; a password is used once, never kept, never shown.

Everything here blocks: run it in a thread. Errors are told in our own sentences, because pyicloud's carry Apple's whole
answers, tokens included. pyicloud is imported on first use: it costs 30 MB.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from typing_extensions import override

from shared.adapters.icloud_signin_errors import ADP, KEYS, told, wants_sign_in
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.cookiejar import Cookie
    from pathlib import Path

    from shared.adapters.icloud_settings import ICloudSettings

_CODE_TRIES = 3
_LOCK_SECONDS = 120


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """What requests to iCloud Photos carry; its repr shows none of it."""

    database: str
    """Address of the CloudKit service of this account."""
    params: dict[str, str]
    headers: dict[str, str]
    cookies: tuple[Cookie, ...]


def quiet_loggers() -> None:
    """Keep addresses with tokens in them out of every log."""
    logging.getLogger("pyicloud").setLevel(logging.CRITICAL)
    for name in ("urllib3", "httpx", "httpcore", "filelock"):
        logging.getLogger(name).setLevel(logging.WARNING)


def login(settings: ICloudSettings, password: str, ask_code: Callable[[], str]) -> None:
    """Sign in with the password and the code that `ask_code` returns, and store the session.

    Raises Permanent with one sentence for a wrong password (never tried twice: Apple locks accounts) or code,
    a locked account, security keys; Transient when Apple limits sign-ins; Waiting when it cannot be reached.
    """
    with _stored(settings), told(), _service(settings, password) as service:
        service.authenticate()
        if service.two_factor_delivery_method == "security_key":
            raise Permanent(KEYS)
        if service.requires_2fa:
            _confirm(service, ask_code)
        if not service.is_trusted_session:
            raise Permanent("Apple did not trust this sign-in; try photoduct login again later")
        _open_protected(service)


def _confirm(service: Any, ask_code: Callable[[], str]) -> None:
    for _ in range(_CODE_TRIES):
        if service.validate_2fa_code(ask_code().strip()):
            return
    raise Permanent("Apple refused the codes; run photoduct login again for a new one")


def resume(settings: ICloudSettings, *, anew: bool = False) -> SignedIn:
    """Return the stored session; `anew` asks Apple for new cookies even where the old ones seem good.

    Raises Waiting when a person has to sign in, or iCloud cannot be reached.
    """
    if not settings.apple_id:
        raise wants_sign_in("No Apple Account is set (icloud.apple_id)")
    with _stored(settings), told(asking=False), _service(settings, None) as service:
        if not service.session.data.get("session_token"):
            raise wants_sign_in()
        service.authenticate(force_refresh=anew)
        if not service.is_trusted_session:
            raise wants_sign_in()
        _open_protected(service)
        return _signed_in(service)


def _signed_in(service: Any) -> SignedIn:
    return SignedIn(
        database=service.get_webservice_url("ckdatabasews"),
        params={key: str(value) for key, value in service.params.items()},
        headers={key: str(value) for key, value in service.session.headers.items()},
        cookies=tuple(service.session.cookies),
    )


def _open_protected(service: Any) -> None:
    """Ask for the cookies that an account with Advanced Data Protection needs; nothing for others."""
    from pyicloud.exceptions import PyiCloudAPIResponseException, PyiCloudConnectionException

    try:
        service._request_pcs_for_service("photos")
    except PyiCloudConnectionException:
        raise
    except PyiCloudAPIResponseException:
        raise wants_sign_in(ADP) from None


@contextmanager
def _service(settings: ICloudSettings, password: str | None) -> Iterator[Any]:
    """Open pyicloud's service with our addresses; it has not asked Apple for anything yet."""
    quiet_loggers()
    from pyicloud.base import PyiCloudService

    class Service(PyiCloudService):  # type: ignore[misc]
        """Apple's hosts, or the ones of the settings."""

        def _setup_endpoints(self) -> None:
            self._idmsa_endpoint = settings.auth_host
            self._auth_endpoint = f"{settings.auth_host}/appleauth/auth"
            self._home_endpoint = settings.home_host
            self._setup_endpoint = f"{settings.setup_host}/setup/ws/1"

    service = Service(
        settings.apple_id,
        password,
        cookie_directory=str(settings.session_dir),
        china_mainland=settings.china_mainland,
        authenticate=False,
    )
    service.session.mount("https://", _adapter(settings))
    try:
        yield service
    finally:
        service.session.close()


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


@contextmanager
def _stored(settings: ICloudSettings) -> Iterator[None]:
    """Hold the one lock on the stored session, and leave its files readable for nobody else."""
    folder = settings.session_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with FileLock(folder / ".lock", timeout=_LOCK_SECONDS, mode=0o600):
            try:
                yield
            finally:
                _close_files(folder)
    except Timeout:
        raise Transient("another process holds the stored iCloud session") from None
    except OSError as error:
        raise wants_sign_in(f"The folder {folder} cannot be used ({error.strerror})") from None


def _close_files(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_file():
            path.chmod(0o600)
