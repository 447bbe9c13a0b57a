"""What may be counted of the work with iCloud; whoever counts can never change what happens."""

from __future__ import annotations

from typing import Protocol


class Observe(Protocol):
    """Counts; no argument is ever a name of a file or an asset."""

    def request(self, kind: str, outcome: str, seconds: float) -> None:
        """Note a request and how long its answer took; `kind` is a path such as `records/lookup`, or `download`."""
        ...

    def slowed(self, kind: str) -> None:
        """Note that Apple wanted to be asked less."""
        ...

    def pace(self, kind: str, limit: int, in_flight: int) -> None:
        """Note how many requests may be, and are, on their way."""
        ...

    def retried(self, reason: str) -> None:
        """Note that a download was begun again where it stopped."""
        ...

    def received(self, size: int) -> None:
        """Note bytes of files that arrived."""
        ...

    def file(self, kind: str) -> None:
        """Note a file that is whole and proven."""
        ...

    def looked(self, seconds: float, assets: int) -> None:
        """Note a whole look and how many assets it showed."""
        ...


class Unobserved:
    """Counts nothing."""

    def request(self, kind: str, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def slowed(self, kind: str) -> None:
        """Do nothing."""

    def pace(self, kind: str, limit: int, in_flight: int) -> None:
        """Do nothing."""

    def retried(self, reason: str) -> None:
        """Do nothing."""

    def received(self, size: int) -> None:
        """Do nothing."""

    def file(self, kind: str) -> None:
        """Do nothing."""

    def looked(self, seconds: float, assets: int) -> None:
        """Do nothing."""
