"""What photoduct asks of its message bus; nothing here knows which bus it is, or can create or delete a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.events import Report

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish; a second one with the same `msg_id` within ten minutes is not stored again."""

    subject: str
    body: bytes
    msg_id: str


class Delivery(Protocol):
    """One message that the bus has handed out; it comes back unless it is acknowledged."""

    @property
    def subject(self) -> str:
        """Where it was published."""
        ...

    @property
    def body(self) -> bytes:
        """What it says."""
        ...

    @property
    def sequence(self) -> int:
        """Its number in its stream."""
        ...

    async def ack(self) -> None:
        """Say that it is done with."""
        ...

    async def nak(self) -> None:
        """Give it back at once."""
        ...

    async def term(self) -> None:
        """Say that nobody can ever make use of it."""
        ...

    async def in_progress(self) -> None:
        """Say that it is being worked on, which starts the time for acknowledging anew."""
        ...


class Say(Protocol):
    """How a worker reports what has happened."""

    async def __call__(self, report: Report) -> None:
        """Return when the report is durable on the bus, however long the bus is away."""
        ...


class Ask(Protocol):
    """How a worker asks the state service."""

    async def __call__(self, name: str, question: BaseModel, answer: type[Answer]) -> Answer:
        """Answer the question `ask.state.<name>`; Transient when nobody answers or the answer is an error."""
        ...


class PublishMany(Protocol):
    """How the state service hands out work."""

    async def __call__(self, messages: Sequence[Outgoing]) -> list[int | None]:
        """Return each message's number in its stream when all are durable; None for an unknown one of a duplicate."""
        ...
