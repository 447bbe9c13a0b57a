"""What the downloader needs of the outside world; nothing here can delete or change a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

from shared.ports.clock import Clock
from shared.ports.icloud import Fetch, ReadRecords

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.events import Report
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.work_items import DownloadWork

__all__ = ["AttentionBook", "Clock", "Fetch", "ReadRecords", "Receive", "State", "Zones"]
Answer = TypeVar("Answer", bound=BaseModel)


class State(Protocol):
    """The state service, over the bus."""

    async def say(self, report: Report) -> None:
        """Return when the report is durable on the bus."""
        ...

    async def ask(self, name: str, question: BaseModel, answer: type[Answer]) -> Answer:
        """Answer the question `ask.state.<name>`; Transient when nobody answers."""
        ...


class AttentionBook(Protocol):
    """What needs a person."""

    async def raised(self, key: str, text: str, *, by: str = "") -> None:
        """Say that a person is needed; saying the same again changes nothing."""
        ...

    async def cleared(self, key: str, *, by: str = "") -> None:
        """Say that no person is needed for this any more."""
        ...


class Zones(Protocol):
    """The zones whose photos are wanted."""

    async def names(self) -> tuple[str, ...]:
        """Return them as iCloud lists them now, the person's own first."""
        ...

    def known(self) -> tuple[str, ...]:
        """Return those that need no asking: the person's own, and what was listed before."""
        ...

    async def records(self, zone: str) -> ReadRecords:
        """Return the reader of a zone; Declined for one that iCloud does not list."""
        ...


class Receive(Protocol):
    """An engine that fetches files."""

    async def __call__(self, work: DownloadWork, part: Path) -> StreamDigest:
        """Bring `part` to the whole file that the work names, its size and Apple's checksum proven; return its digests.

        Raises Waiting, Transient, Permanent; what `part` holds then may be taken up by a later try.
        """
        ...
