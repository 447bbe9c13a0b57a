"""How old the stored session is and when it is expected to end: facts for the person, it decides and blocks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WARNED: Final = timedelta(days=7)
"""How long before its expected end the person is told."""


@dataclass(frozen=True, slots=True)
class SessionLife:
    """From the sign-in that Apple trusted to the day on which Apple is expected to ask for the next one."""

    made_at: datetime
    days: float
    """How long a session lives, by the settings: Apple tells nobody."""
    ended: str = ""
    """The sentence with which Apple refused the session; empty while it holds."""

    @property
    def ends_at(self) -> datetime:
        """Return the expected end."""
        return self.made_at + timedelta(days=self.days)

    def age(self, now: datetime) -> float:
        """Return seconds since the sign-in."""
        return max(0.0, (now - self.made_at).total_seconds())

    def days_left(self, now: datetime) -> float:
        """Return days until the expected end: negative when it has outlived that, 0 when it has ended."""
        return 0.0 if self.ended else (self.ends_at - now) / timedelta(days=1)

    def warning(self, now: datetime) -> str:
        """Return the sentence for the person from seven days before the expected end; empty before, and once it has ended."""
        if self.ended or now < self.ends_at - WARNED:
            return ""
        day = f"{self.ends_at:%Y-%m-%d}"
        when = (
            f"is expected to end on {day}"
            if now < self.ends_at
            else f"was expected to end on {day} and may at any time"
        )
        return f"The iCloud sign-in {when}: run photoduct login to go on without a pause"
