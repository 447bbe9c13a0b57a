"""What pixel_sync asks of the phone's Syncthing; nothing here can change a file on the phone.

An answer is one of four, and only `Held` and `Freed` are evidence of anything:

    Held             the phone holds these very bytes (complete, same version, size and mtime)
    NotYet           it does not, or nobody can tell right now; `lack` says which
    Freed            it did, and the phone itself deleted the file since
    ChangedOnPhone   the phone wrote other bytes under this name
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A hardlink in the shared folder: its path there (`/` between parts), bytes and mtime."""

    path: str
    size: int
    mtime_ns: int


class Lack(StrEnum):
    """Why a file does not count as held by the phone; the value is a phrase for people."""

    NAME_NOT_NFC = "its name is not in Unicode's NFC form, so Syncthing skips it"
    NOT_SCANNED = "Syncthing has not scanned it, ignores it, or the folder is paused"
    NOT_SHARING = "the phone does not share the folder back"
    NOT_ON_PHONE = "the phone is offline, or has not finished receiving it"
    PARTLY_THERE = "the phone has only a part of it"
    STALE_SCAN = "it is not the file that Syncthing scanned: size or mtime differ"
    INVALID = "Syncthing holds it for ignored or invalid"
    DELETED_HERE = "it was deleted on the server's side"


@dataclass(frozen=True, slots=True)
class Held:
    """The phone holds the file, complete and unchanged; this says nothing about Google."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The phone is not known to hold the file."""

    lack: Lack


@dataclass(frozen=True, slots=True)
class Freed:
    """The phone deleted the file; `at` is when it noticed, by the phone's own clock."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ChangedOnPhone:
    """The phone holds other bytes under this name."""


Holding: TypeAlias = Held | NotYet | Freed | ChangedOnPhone


class PhonePort(Protocol):
    """The server's Syncthing, asked about one folder and one phone.

    Every call raises Transient when Syncthing is out of reach or busy, Fatal when its settings
    cannot work, Permanent when it refuses a question for good.
    """

    async def ready(self) -> None:
        """Return when key, folder and device fit; Fatal names what to correct."""

    async def scan(self, path: str) -> None:
        """Make Syncthing look at one path of the folder, after linking or unlinking it."""

    async def holdings(self, pending: Sequence[StagedFile]) -> Mapping[StagedFile, Holding]:
        """Answer for each file what the phone has of it; one request a file."""

    async def freed(self) -> Mapping[str, Freed]:
        """Answer all paths that the phone deleted and the server still has, in two requests.

        Take it down before unlinking: after the next scan the deletion is the server's own.
        """

    async def phone_seen(self) -> datetime | None:
        """Answer when the phone was last connected: now while it is, None when never."""

    async def wait_for_change(self, within: timedelta) -> bool:
        """Sleep until the phone's side changed (True) or the time is over (False); only a hint."""
