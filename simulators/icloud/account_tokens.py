"""Random tokens and how long ago each was granted; they open nothing but this simulator."""

import secrets
from dataclasses import dataclass, field

from simulators.icloud.clock import Clock

_DAY_MS = 86_400_000


@dataclass
class Grants:
    """The living tokens of one kind; ages are simulated time."""

    clock: Clock
    prefix: str
    size: int = 64
    _born: dict[str, int] = field(default_factory=dict)

    def grant(self, born: int | None = None) -> str:
        """Make a token; `born` in epoch milliseconds, for one that ends with an older thing."""
        token = self.prefix + secrets.token_urlsafe(self.size)
        self._born[token] = self.clock() if born is None else born
        return token

    def born(self, token: object) -> int | None:
        """When a token was granted, None for an unknown one."""
        return self._born.get(token) if isinstance(token, str) else None

    def lives(self, token: object, days: float) -> bool:
        """Say whether a token is known and younger than so many days."""
        born = self.born(token)
        return born is not None and self.clock() - born < days * _DAY_MS

    def end(self, token: str) -> None:
        """Forget a token."""
        self._born.pop(token, None)

    def end_all(self) -> None:
        """Forget every token."""
        self._born.clear()
