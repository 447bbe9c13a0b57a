"""Reaches the running downloader's door for a sign-in; the password goes to this machine's loopback and nowhere else."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final, NoReturn

import httpx
from pydantic import TypeAdapter, ValidationError

from shared.adapters.icloud_signin_door import DoorPlace
from shared.adapters.icloud_signin_steps import NoAttempt, Wanted
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE: Final = httpx.Timeout(300.0, connect=3.0)
"""A step may wait for Apple, and for the person's phone."""
_WANTS: Final = TypeAdapter(Wanted | None)


class DoorSteps:
    """The sign-in of the running downloader, with the steps of `SignIn` and their errors."""

    def __init__(self, place: DoorPlace, client: httpx.Client) -> None:
        self._place = place
        self._client = client

    def begin(self, password: str) -> Wanted | None:
        """Try the password, once."""
        return self._step("begin", password=password)

    def send_sms(self, phone: str) -> Wanted | None:
        """Send the code to that trusted phone."""
        return self._step("sms", phone=phone)

    def push(self) -> Wanted | None:
        """Have the trusted devices show a code."""
        return self._step("push")

    def confirm(self, code: str) -> Wanted | None:
        """Try a code."""
        return self._step("code", code=code)

    def cancel(self) -> None:
        """Give the attempt up."""
        self._step("cancel")

    def state(self) -> dict[str, Any]:
        """Return what the door says of the session."""
        return self._ask("GET", "/state")

    def close(self) -> None:
        """Leave the door."""
        self._client.close()

    def _step(self, name: str, **given: str) -> Wanted | None:
        answer = self._ask("POST", f"/{name}", json=given)
        try:
            return _WANTS.validate_python(answer.get("wants"))
        except ValidationError:
            raise Transient("The downloader's answer is not understood") from None

    def _ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._place.token}"}
        try:
            response = self._client.request(method, path, headers=headers, **body)
            answer: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            kind = type(error).__name__
            raise Permanent(
                f"The downloader broke off ({kind}); run photoduct login again"
            ) from None
        if response.status_code != 200:
            _refused(answer)
        return answer


def door_steps(folder: Path) -> DoorSteps | None:
    """Return the running downloader's door; None when none is open here. Permanent when it belongs to another user."""
    try:
        place = DoorPlace.read(folder)
    except PermissionError:
        raise Permanent(
            f"{folder} belongs to the user that photoduct runs as: be that one"
        ) from None
    if place is None:
        return None
    # No proxy of the environment may come between, and a redirect leads nowhere.
    client = httpx.Client(base_url=place.address, timeout=_PATIENCE, trust_env=False)
    if _is_the_door(place, client):
        return DoorSteps(place, client)
    client.close()
    return None


def _is_the_door(place: DoorPlace, client: httpx.Client) -> bool:
    """Say whether what listens there knows the token: after a crash the port can be anybody's."""
    nonce = secrets.token_urlsafe(24)
    try:
        answer = client.get("/hello", params={"nonce": nonce}, timeout=5.0)
        proof = str(answer.json()["proof"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return False
    return hmac.compare_digest(proof.encode(), place.proof(nonce).encode())


def _refused(answer: dict[str, Any]) -> NoReturn:
    text = str(answer.get("error", "The downloader refuses this without a reason"))
    match answer.get("kind"):
        case "permanent":
            raise Permanent(text)
        case "no_attempt":
            raise NoAttempt(text)
        case _:
            raise Transient(text)
