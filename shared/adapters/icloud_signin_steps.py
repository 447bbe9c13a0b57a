"""A sign-in in steps: password, then a code by device or SMS; it tries a password once, keeps it no longer, and shows it nowhere.

Everything here blocks: run it in a thread, one step at a time. The stored session stays as it is until the sign-in is done.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.clock import SystemClock
from shared.adapters.icloud_signin_client import make_client, open_protected
from shared.adapters.icloud_signin_codes import (
    DIGITS,
    UNTRUSTED,
    Channel,
    accepts,
    channel,
    looks_like_a_code,
    number,
    phones,
    sending,
)
from shared.adapters.icloud_signin_errors import (
    CHINA,
    KEYS,
    Throttled,
    limited,
    told,
)
from shared.adapters.icloud_signin_resuming import keep, store_of
from shared.adapters.icloud_signin_store import retry_at
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.adapters.icloud_settings import ICloudSettings
    from shared.ports.clock import Clock

PATIENCE: Final = timedelta(minutes=10)
"""How long a code is waited for; then the person begins again."""
CODE_TRIES: Final = 3


class NoAttempt(Permanent):
    """A step of a sign-in that was not begun, was given up, or has taken too long."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A trusted phone number, as far as Apple shows it."""

    id: str
    number: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A six-digit code is wanted."""

    phones: tuple[Phone, ...]
    """Where an SMS with a code can be sent."""
    sent: Channel
    """Where the last code was sent."""
    tries: int = CODE_TRIES
    """How many codes may still be tried."""
    note: str = ""
    """A sentence about the last step: the code was wrong."""


@dataclass(slots=True, repr=False)
class _Attempt:
    client: Any
    deadline: datetime
    wanted: Wanted


class SignIn:
    """At most one attempt at a time; each step returns what is wanted next, None when signed in.

    Every step raises Permanent (a person must do something else first), Throttled (with the time until which Apple
    takes no sign-in), Transient, or Waiting (Apple cannot be reached: the attempt stands, do the step again).
    """

    def __init__(self, settings: ICloudSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._store = store_of(settings)
        self._clock = clock or SystemClock()
        self._attempt: _Attempt | None = None

    @property
    def wanted(self) -> Wanted | None:
        """Return what the attempt under way waits for; None when there is none, or it has taken too long."""
        if self._attempt is None or self._clock.now() >= self._attempt.deadline:
            return None
        return self._attempt.wanted

    @property
    def refused_until(self) -> datetime | None:
        """Return until when Apple takes no sign-ins."""
        return self._store.limited_until(self._clock.now())

    def begin(self, password: str) -> Wanted | None:
        """Try the password, once; an attempt under way is given up for this one."""
        self.cancel()
        if not self._settings.apple_id:
            raise Permanent("No Apple Account is set (icloud.apple_id)")
        if until := self.refused_until:
            raise limited(until)
        if why := self._store.unusable():
            raise Permanent(f"icloud.session_dir: {self._store.folder} cannot be used ({why})")
        client = make_client(self._settings, password)
        try:
            with self._limits_kept(), told():
                return self._first_step(client)
        finally:
            client._password_raw = None
            if self._attempt is None:
                client.session.close()

    def send_sms(self, phone: str) -> Wanted:
        """Send the code to the trusted phone of that id."""
        attempt = self._current()
        chosen = next((one for one in phones(attempt.client) if str(one["id"]) == phone), None)
        if chosen is None:
            raise Transient("Apple knows no trusted phone of that id for this account")
        with self._limits_kept(), sending():
            attempt.client.send_sms(chosen)
        attempt.wanted = replace(attempt.wanted, sent="sms", note="")
        return attempt.wanted

    def push(self) -> Wanted:
        """Have the trusted devices show a code, again."""
        attempt = self._current()
        with self._limits_kept(), sending():
            attempt.client.push_to_devices()
        attempt.wanted = replace(attempt.wanted, sent=channel(attempt.client), note="")
        return attempt.wanted

    def confirm(self, code: str) -> Wanted | None:
        """Try a code; a wrong one may be followed by a few others. Transient for what is no code: it is not sent, and costs no try."""
        attempt = self._current()
        if not looks_like_a_code(typed := "".join(code.split())):
            raise Transient(f"A code has {DIGITS} digits and nothing else; this one was not sent")
        with self._ending_on_permanent(), self._limits_kept(), told():
            if not accepts(attempt.client, typed):
                return self._once_more(attempt, "Apple refused this code")
            self._finish(attempt.client)
        self.cancel()
        return None

    def cancel(self) -> None:
        """Give the attempt up, if there is one."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.client._clear_trusted_device_bridge_state()
            attempt.client.session.close()

    def _first_step(self, client: Any) -> Wanted | None:
        _forget_stored(client)
        client.authenticate(force_refresh=True)
        if client.two_factor_delivery_method == "security_key":
            raise Permanent(KEYS)
        if client.requires_2fa:
            known = tuple(Phone(str(one["id"]), number(one)) for one in phones(client))
            wanted = Wanted(known, channel(client))
            self._attempt = _Attempt(client, self._clock.now() + PATIENCE, wanted)
            return wanted
        self._finish(client)
        return None

    def _finish(self, client: Any) -> None:
        if domain := client.data.get("domainToUse"):
            flag = str(str(domain).endswith(".cn")).lower()
            raise Permanent(CHINA.format(domain=domain, flag=flag))
        if not client.is_trusted_session:
            raise Permanent(UNTRUSTED)
        open_protected(client, asking=True)
        now = self._clock.now()
        with self._store.locked():
            keep(client, self._store, made_at=now, now=now)

    def _current(self) -> _Attempt:
        if self.wanted is None or self._attempt is None:
            self.cancel()
            raise NoAttempt("No sign-in is under way, or it took too long; begin again")
        return self._attempt

    def _once_more(self, attempt: _Attempt, why: str) -> Wanted:
        left = attempt.wanted.tries - 1
        if left <= 0:
            raise Permanent("Apple refused the codes; run photoduct login again for a new one")
        attempt.wanted = replace(attempt.wanted, tries=left, note=why)
        return attempt.wanted

    @contextmanager
    def _ending_on_permanent(self) -> Iterator[None]:
        try:
            yield
        except Permanent:
            self.cancel()
            raise

    @contextmanager
    def _limits_kept(self) -> Iterator[None]:
        """Note Apple's wish to be left alone, for every process, and say it with the time."""
        try:
            yield
        except Throttled as error:
            until = retry_at(self._clock.now(), error.retry_after or 0)
            self._store.limit(until)
            raise limited(until) from None


def _forget_stored(client: Any) -> None:
    """Begin as a browser that Apple does not know: the new session then lives for the whole of its time."""
    client.session.cookies.clear()
    client.session.data.clear()
    client.session.data["client_id"] = client._client_id
