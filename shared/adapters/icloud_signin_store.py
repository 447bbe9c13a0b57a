"""Keeps the signed-in session on disk: one 0700 folder, files 0600, one lock; a file is replaced whole, and no password is in any.

`NAME.session` and `NAME.cookiejar` are pyicloud's forms; `session.json` is written last and is what counts: it says which
generation of the session this is, so that a service takes over what another one has renewed instead of asking Apple again.
"""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.cookiejar import LoadError, LWPCookieJar
from re import sub
from typing import TYPE_CHECKING, Final, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from shared.adapters.icloud_signin_errors import wants_sign_in
from shared.adapters.private_files import UNFINISHED, write_private
from shared.domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.cookiejar import Cookie
    from pathlib import Path

FACTS: Final = "session.json"
THROTTLED: Final = "sign-in-limit.json"
HELD: Final = "renewal-limit.json"
_LOCK_SECONDS: Final = 120


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


_Any = TypeVar("_Any", bound=_Model)


class Refusal(_Model):
    """Apple refused this session; until then nobody asks again."""

    text: str
    until: datetime


class Stored(_Model):
    """What is known of the stored session beside pyicloud's two files."""

    generation: str
    """Another one after each sign-in and each renewal."""
    apple_id: str
    made_at: datetime
    """When the person signed in: the session's age counts from here."""
    renewed_at: datetime
    database: str
    """Address of the CloudKit service of this account."""
    params: dict[str, str]
    headers: dict[str, str]
    refused: Refusal | None = None


class _Limit(_Model):
    until: datetime


class SessionStore:
    """The session of one Apple Account in one folder; reading needs no lock, as files are replaced whole."""

    def __init__(self, folder: Path, apple_id: str) -> None:
        self.folder = folder
        self.apple_id = apple_id
        stem = sub(r"\W", "", apple_id)  # as pyicloud names them
        self._session = folder / f"{stem}.session"
        self._cookies = folder / f"{stem}.cookiejar"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the one lock on the stored session; Transient when another holds it too long, Waiting for an unusable folder."""
        try:
            self._make_folder()
            with FileLock(self.folder / ".lock", timeout=_LOCK_SECONDS, mode=0o600):
                self._tidy()
                yield
        except Timeout:
            raise Transient("another process holds the stored iCloud session") from None
        except OSError as error:
            raise wants_sign_in(
                f"The folder {self.folder} cannot be used ({error.strerror})"
            ) from None

    def unusable(self) -> str:
        """Return why the folder cannot hold a session; empty when it can, and then it is there."""
        try:
            self._make_folder()
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def read(self) -> Stored | None:
        """Return what is stored for this account; None when there is nothing, or nothing that can be read."""
        stored = _read(self.folder / FACTS, Stored)
        return stored if stored is not None and stored.apple_id == self.apple_id else None

    def has_tokens(self) -> bool:
        """Say whether there is a session that can be renewed."""
        return self._session.exists()

    def cookies(self) -> tuple[Cookie, ...]:
        """Return the stored cookies that have not run out."""
        jar = LWPCookieJar(self._cookies)
        with suppress(OSError, LoadError):
            jar.load(ignore_discard=True)
        return tuple(jar)

    def write(self, stored: Stored, tokens: dict[str, object], jar: LWPCookieJar) -> None:
        """Replace the stored session; hold the lock. After a crash halfway the tokens are the new ones, and renew the rest."""
        text = jar.as_lwp_str(ignore_discard=True, ignore_expires=False)
        write_private(self._session, json.dumps(tokens))
        write_private(self._cookies, f"#LWP-Cookies-2.0\n{text}")
        write_private(self.folder / FACTS, stored.model_dump_json())

    def refuse(self, refusal: Refusal) -> None:
        """Note that Apple refused the stored session; hold the lock."""
        if (stored := self.read()) is not None:
            refused = stored.model_copy(update={"refused": refusal})
            write_private(self.folder / FACTS, refused.model_dump_json())

    def limit(self, until: datetime) -> None:
        """Note until when Apple takes no sign-ins, so that no other process tries, nor this one after a restart."""
        with self.locked():
            write_private(self.folder / THROTTLED, _Limit(until=until).model_dump_json())

    def limited_until(self, now: datetime) -> datetime | None:
        """Return until when Apple takes no sign-ins; None when it may be tried."""
        limit = _read(self.folder / THROTTLED, _Limit)
        return limit.until if limit is not None and now < limit.until else None

    def hold_renewals(self, until: datetime) -> None:
        """Note until when Apple wants no renewals, for every process; hold the lock."""
        write_private(self.folder / HELD, _Limit(until=until).model_dump_json())

    def renewals_held_until(self) -> datetime | None:
        """Return until when Apple wanted no renewals, be it long ago; None when it never said so."""
        held = _read(self.folder / HELD, _Limit)
        return held.until if held is not None else None

    def _tidy(self) -> None:
        """Take away what a crash left of unfinished files, and close files that others made; hold the lock."""
        for path in self.folder.iterdir():
            if path.suffix == UNFINISHED:
                path.unlink(missing_ok=True)
            elif path.is_file():
                path.chmod(0o600)


def new_generation() -> str:
    """Make a name for a session that was just signed in or renewed."""
    return secrets.token_hex(8)


def retry_at(now: datetime, seconds: float) -> datetime:
    """Return the whole second from which a refused thing may be tried again."""
    return (now + timedelta(seconds=seconds + 0.999)).replace(microsecond=0)


def _read(path: Path, model: type[_Any]) -> _Any | None:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # pydantic's error is one
        return None
