"""Resumes the stored session and renews it for all that share it; it has no password and cannot sign in.

Everything here blocks: run it in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.clock import SystemClock
from shared.adapters.icloud_signin_client import apple_client, open_protected
from shared.adapters.icloud_signin_errors import told, waiting_for_sign_in, wants_sign_in
from shared.adapters.icloud_signin_life import SessionLife
from shared.adapters.icloud_signin_store import (
    Refusal,
    SessionStore,
    Stored,
    new_generation,
    retry_at,
)
from shared.domain.errors import Waiting

if TYPE_CHECKING:
    from datetime import datetime
    from http.cookiejar import Cookie

    from shared.adapters.icloud_settings import ICloudSettings

_REFUSED_FOR: Final = 900.0
"""Seconds for which Apple's refusal stands for every process, unless the person signs in before."""
_SLOW: Final = "icloud-slow"
_LONGEST: Final = timedelta(days=1, seconds=2)


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """What requests to iCloud Photos carry; its repr shows none of it."""

    database: str
    """Address of the CloudKit service of this account."""
    params: dict[str, str]
    headers: dict[str, str]
    cookies: tuple[Cookie, ...]
    generation: str = ""
    """Which sign-in or renewal this is of; the stored session's changes with each."""


def store_of(settings: ICloudSettings) -> SessionStore:
    """Return where this account's session is kept."""
    return SessionStore(settings.session_dir, settings.apple_id)


def life_of(settings: ICloudSettings) -> SessionLife | None:
    """Return the stored session's life; None when nobody has signed in."""
    stored = store_of(settings).read()
    if stored is None:
        return None
    ended = stored.refused.text if stored.refused else ""
    return SessionLife(stored.made_at, settings.session_days, ended)


def resume(settings: ICloudSettings, *, stale: str | None = None) -> SignedIn:
    """Return the stored session, renewed when it is the generation `stale`: what another process renewed is taken over.

    Raises Waiting when a person has to sign in or iCloud cannot be reached, Transient when the lock is held too long.
    """
    if not settings.apple_id:
        raise wants_sign_in("No Apple Account is set (icloud.apple_id)")
    store, now = store_of(settings), SystemClock().now()
    with store.locked():
        stored = store.read()
        if stored is None and not store.has_tokens():
            raise wants_sign_in()
        if stored is not None and stored.refused is not None and now < stored.refused.until:
            raise waiting_for_sign_in(stored.refused.text)
        if stored is not None and stored.refused is None and stored.generation != stale:
            return _signed_in(store, stored)
        _raise_if_held(store, now)
        return _renewed_or_refused(settings, store, stored, now)


def _raise_if_held(store: SessionStore, now: datetime) -> None:
    """Keep to Apple's wish to be left alone, whichever process heard it; raises Waiting with what is left of it."""
    until = store.renewals_held_until()
    if (
        until is not None and now < until <= now + _LONGEST
    ):  # a clock that was set back holds nobody for ever
        left = (until - now).total_seconds()
        raise Waiting("Apple limits requests", attention=_SLOW, retry_after=left)


def _renewed_or_refused(
    settings: ICloudSettings, store: SessionStore, stored: Stored | None, now: datetime
) -> SignedIn:
    try:
        return _renewed(settings, store, stored, now)
    except Waiting as error:
        if error.attention == "icloud-session":
            store.refuse(Refusal(text=str(error), until=retry_at(now, _REFUSED_FOR)))
        if error.attention == _SLOW:
            store.hold_renewals(retry_at(now, error.retry_after))
        raise


def _renewed(
    settings: ICloudSettings, store: SessionStore, stored: Stored | None, now: datetime
) -> SignedIn:
    with told(asking=False), apple_client(settings, None) as client:
        if not client.session.data.get("session_token"):
            raise wants_sign_in()
        client.authenticate(force_refresh=True)
        if not client.is_trusted_session:
            raise wants_sign_in()
        open_protected(client, asking=False)
        made_at = stored.made_at if stored is not None else now
        return _signed_in(store, keep(client, store, made_at=made_at, now=now))


def keep(client: Any, store: SessionStore, *, made_at: datetime, now: datetime) -> Stored:
    """Store what the signed-in client holds, whole or not at all; hold the lock."""
    from pyicloud.session import NON_PERSISTED_SESSION_KEYS

    stored = Stored(
        generation=new_generation(),
        apple_id=store.apple_id,
        made_at=made_at,
        renewed_at=now,
        database=client.get_webservice_url("ckdatabasews"),
        params={key: str(value) for key, value in client.params.items()},
        headers={key: str(value) for key, value in client.session.headers.items()},
    )
    tokens = {k: v for k, v in client.session.data.items() if k not in NON_PERSISTED_SESSION_KEYS}
    store.write(stored, tokens, client.session.cookies)
    return stored


def _signed_in(store: SessionStore, stored: Stored) -> SignedIn:
    return SignedIn(
        database=stored.database,
        params=stored.params,
        headers=stored.headers,
        cookies=store.cookies(),
        generation=stored.generation,
    )
