"""Posts one request to CloudKit and sorts what can go wrong by what to do next; it never repeats a request that may have been carried out."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import httpx

from shared.adapters.icloud_patience import Patience
from shared.adapters.icloud_signin_errors import SIGN_IN, named, unreachable, wants_sign_in
from shared.domain.errors import Waiting
from shared.ports.icloud import Declined, Json, SlowedDown, TokenRefused, Unanswered
from shared.ports.watching import Unobserved

if TYPE_CHECKING:
    from shared.adapters.icloud_session import ICloudSession
    from shared.adapters.icloud_signin import SignedIn
    from shared.ports.watching import Observe

_PATH = "/database/1/com.apple.photos.cloud/production/"
_SIGNED_OUT = frozenset({401, 421, 423, 450})
_NAMED = frozenset({401, 403, 423})
_REFUSED_AGAIN = 300.0
"""Seconds of patience with a session that Apple renews and refuses: each try asks Apple three times."""
_SLOW_STATUS = frozenset({429, 503})
_UNSAID = 60.0
"""Seconds of patience where Apple names none."""
_LONGEST = 86_400.0
SLOW_CODES = frozenset(
    {"THROTTLED", "RETRY_LATER", "TRY_AGAIN_LATER", "LIMIT_EXCEEDED", "ZONE_BUSY"}
)
"""Error codes, of a request or of one record, that only ask for patience."""
_AUTH_CODES = frozenset({"AUTHENTICATION_FAILED", "AUTHENTICATION_REQUIRED", "NOT_AUTHENTICATED"})


@dataclass(frozen=True, slots=True)
class Place:
    """A zone of one of the account's two photo databases."""

    zone_id: Json
    database: Literal["private", "shared"] = "private"


class CloudKit:
    """One zone of the signed-in account's photos: the person's own unless another is named."""

    def __init__(
        self, session: ICloudSession, place: Place | None = None, observe: Observe | None = None
    ) -> None:
        self._session = session
        own = {"zoneName": session.settings.zone, "zoneType": "REGULAR_CUSTOM_ZONE"}
        self._place = place or Place(own)
        self._observe = observe or Unobserved()
        self._patience = Patience(session.settings.session_dir, "requests")
        self.zone_id = self._place.zone_id

    async def post(self, path: str, body: Json) -> Json:
        """Post to `path` (`records/lookup`) and return the answer; a session that died is renewed once.

        Raises Waiting, Unanswered, Declined; SlowedDown without asking while Apple wants to be left alone.
        """
        signed = await self._session.signed()
        response = await self._send(signed, path, body)
        if response.status_code in _SIGNED_OUT:  # refused at the door: nothing was carried out
            signed = await self._session.renew(signed)
            response = await self._send(signed, path, body)
        return self._read(response)

    async def post_once(self, path: str, body: Json) -> Json:
        """Post without renewing the session: for the call whose permit would run out meanwhile. Errors as of `post`."""
        return self._read(await self._send(await self._session.signed(), path, body))

    def _read(self, response: httpx.Response) -> Json:
        """Sort the answer; a wish for patience is every process's, also after a restart."""
        try:
            return _read(response)
        except SlowedDown as error:
            self._patience.wished(error.retry_after)
            raise

    async def _send(self, signed: SignedIn, path: str, body: Json) -> httpx.Response:
        self._patience.check()
        started, outcome = time.monotonic(), "lost"
        try:
            response = await self._posted(signed, path, body)
            outcome = str(response.status_code)
            return response
        finally:
            self._observe.request(path, outcome, time.monotonic() - started)

    async def _posted(self, signed: SignedIn, path: str, body: Json) -> httpx.Response:
        try:
            return await self._session.client.post(
                f"{signed.database}{_PATH}{self._place.database}/{path}",
                params=signed.params | {"remapEnums": "true", "getCurrentSyncToken": "true"},
                content=json.dumps(body),
                headers={"Content-Type": "text/plain"},  # as Apple's own web client does
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable() from error
        except httpx.HTTPError as error:
            raise Unanswered(f"iCloud did not answer {path} ({type(error).__name__})") from error


def slow(response: httpx.Response | None = None, *, wish: object = None) -> SlowedDown:
    """Make the error for Apple's wish to be asked less; `wish` is its own number of seconds, in an answer's body."""
    raw = response.headers.get("Retry-After") if response is not None else wish
    seconds = _seconds(raw, response.headers.get("Date") if response is not None else None)
    return SlowedDown(min(max(_UNSAID if seconds is None else seconds, 1.0), _LONGEST))


def _seconds(raw: Any, date: str | None) -> float | None:
    """Read `Retry-After` in either form; a moment counts from the answer's own `Date`, whatever this clock shows."""
    try:
        return seconds if math.isfinite(seconds := float(raw)) else None
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return (parsedate_to_datetime(str(raw)) - now).total_seconds()
    except (TypeError, ValueError):
        return None


def decline(code: object, what: str, *, wish: object = None) -> NoReturn:
    """Raise the error that fits one of CloudKit's error codes."""
    code = str(code)
    if code in SLOW_CODES:
        raise slow(wish=wish)
    if code in _AUTH_CODES:
        raise wants_sign_in()
    if (known := named(0, code)) is not None:
        raise known
    raise Declined(f"iCloud declined {what} ({code[:100]})", code=code[:100])


def only_record(answer: Json, name: str | None) -> Json:
    """Return the one record that a change was answered with; HTTP 200 says nothing about it.

    Raises Declined (or Waiting) with the record's own error; Unanswered when it is not about `name` (None: any).
    """
    records = answer.get("records")
    record = records[0] if isinstance(records, list) and len(records) == 1 else None
    if not isinstance(record, dict) or (name is not None and record.get("recordName") != name):
        raise Unanswered("iCloud's answer is not about the record that was to change")
    if (code := record.get("serverErrorCode")) is not None:
        decline(code, "the change", wish=record.get("retryAfter"))
    return record


def decline_zone(code: object, *, token: str | None, wish: object) -> NoReturn:
    """Raise the error for a change feed that iCloud does not give."""
    if code == "BAD_REQUEST" and token is not None:
        raise TokenRefused("iCloud refuses the sync token", code="BAD_REQUEST")
    decline(code, "its change feed", wish=wish)


def _read(response: httpx.Response) -> Json:
    if response.status_code in _NAMED and (known := named(response.status_code, response.text)):
        raise known
    if response.status_code in _SIGNED_OUT:  # with new cookies, too
        raise Waiting(
            f"iCloud Photos refuses a session that is new; {SIGN_IN}",
            attention="icloud-session",
            retry_after=_REFUSED_AGAIN,
        )
    if response.status_code in _SLOW_STATUS:
        raise slow(response)
    if response.status_code >= 500:
        raise Unanswered(f"iCloud answered with an error ({response.status_code})")
    answer = _json(response)
    if (code := answer.get("serverErrorCode")) is not None:
        decline(code, "a request", wish=answer.get("retryAfter"))
    if response.status_code != 200:
        raise Declined(
            f"iCloud declined a request ({response.status_code})", code=str(response.status_code)
        )
    return answer


def _json(response: httpx.Response) -> Json:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unanswered(f"iCloud answered with something other than JSON ({response.status_code})")
    return answer
