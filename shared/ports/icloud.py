"""What photoduct asks of iCloud Photos, and how it answers; nothing here can change a photo, the delete call has its own module.

Waiting    no session, no network, or Apple slows us down: attention `icloud-session`, `icloud-unreachable`, `icloud-slow`
Unanswered Transient: the request may or may not have been carried out; ask again before repeating it
Declined   Transient: iCloud answered with an error for the request or the record
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from shared.domain.errors import Transient, Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

Json: TypeAlias = dict[str, Any]
"""One record or answer as iCloud sent it: nothing in it is certain."""


class SlowedDown(Waiting):
    """Apple wants to be asked less; `retry_after` seconds are its own wish."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Apple slows us down", attention="icloud-slow", retry_after=seconds)


class StillSlow(SlowedDown):
    """Apple's earlier wish stands: nothing was asked, so that this says nothing new."""


class Unanswered(Transient):
    """A time-out, a cut connection or a server error: whether it was carried out is unknown."""


class Declined(Transient):
    """iCloud said no; `code` is its serverErrorCode."""

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


class TokenRefused(Declined):
    """The change feed does not know this sync token (any more): begin with the full history."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A stretch of a zone's change feed; `token` is where the next one begins."""

    records: tuple[Json, ...]
    token: str
    more: bool


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What iCloud holds under the names asked for: each is in exactly one of the three."""

    found: Mapping[str, Json] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Names with iCloud's error for them: whether they exist is unknown."""


class UrlExpired(Transient):
    """The address of a file is no longer good: look its record up again."""


class Stalled(Transient):
    """Next to nothing of a file arrived for too long."""


class RecordsSlowedDown(SlowedDown):
    """Each record of a look-up wants patience: for `answer` they have failed; whether Apple means all requests is unknown."""

    def __init__(self, seconds: float, answer: LookedUp) -> None:
        super().__init__(seconds)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class WholeAsset:
    """An asset's two records as they are now; None for one that does not exist."""

    asset: Json | None
    master: Json | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way: from byte `start`, `length` bytes if it arrives whole."""

    start: int
    length: int
    chunks: AsyncIterator[bytes]


class Fetch(Protocol):
    """Streams files; changes nothing."""

    def __call__(self, url: str, start: int) -> AbstractAsyncContextManager[Incoming]:
        """Open the file at byte `start`, or at 0; raises UrlExpired, Transient, Waiting."""
        ...


class ReadRecords(Protocol):
    """Reads records; changes nothing."""

    async def changes(self, token: str | None) -> ChangePage:
        """Return the page of the zone's change feed after `token`; raises TokenRefused."""
        ...

    async def lookup(self, names: Iterable[str]) -> LookedUp:
        """Return the records of these names as they are now."""
        ...

    async def whole(self, asset: str) -> WholeAsset:
        """Return an asset and its master as they are now; Declined when iCloud does not say."""
        ...


class KeepAlbum(Protocol):
    """One album of the person's library, known by its name."""

    async def add(self, asset: str) -> None:
        """Put an asset into the album, which is made when missing; done already when it is in it."""
        ...

    async def holds(self, asset: str) -> bool:
        """Say whether the asset is in the album now; an error is never a no."""
        ...


@dataclass(frozen=True, slots=True)
class DeletedRecord:
    """iCloud's own record says that it is deleted; `expunged` is when it will be forgotten."""

    expunged: datetime | None
