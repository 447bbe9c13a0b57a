"""How the simulated CloudKit behaves besides its data: settings that tests change while it runs; pure."""

from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """The settings; a request to change them may name any subset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    indexing: Literal["FINISHED", "RUNNING", "NOT_FINISHED"] = "FINISHED"
    progress: Annotated[float, Field(ge=0, le=100)] = 100
    """Of the indexing, in percent."""
    counts_off_by: int = 0
    """What counts say too much; the lists stay right."""
    deletions: Annotated[int, Field(ge=0)] = 0
    """After so many deletions within `deletions_seconds` comes a 503; 0 for never. Apple: about 240."""
    deletions_seconds: Annotated[float, Field(gt=0)] = 60


@dataclass
class Habits:
    """The behaviour of now, and when records were deleted lately (epoch milliseconds)."""

    now: Behaviour = field(default_factory=Behaviour)
    _deleted: deque[int] = field(default_factory=deque)

    def change(self, settings: dict[str, object]) -> None:
        """Change some settings; raises pydantic's ValidationError."""
        self.now = Behaviour.model_validate({**self.now.model_dump(), **settings})

    def too_many(self, moment: int) -> int:
        """For how many seconds no deletion is taken, 0 when it is."""
        span = round(self.now.deletions_seconds * 1000)
        while self._deleted and self._deleted[0] <= moment - span:
            self._deleted.popleft()
        if not self.now.deletions or len(self._deleted) < self.now.deletions:
            return 0
        return max(1, -((moment - span - self._deleted[-self.now.deletions]) // 1000))

    def deleted(self, count: int, moment: int) -> None:
        """Remember deletions."""
        self._deleted.extend([moment] * count)
