"""Plays the phone's owner: presses "Free up space" in Google Photos once everything on the phone has settled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from shared.domain.questions import Status

PRESS_EVERY: Final = 1.0
"""Seconds between two presses: what was not uploaded at the first goes with a later one."""


class Owner:
    """The person with the phone in hand."""

    def __init__(self, phone: str) -> None:
        self._phone = phone
        self._pressed = 0.0

    async def look(self, status: Status) -> None:
        """Press the button when nothing is still arriving and something can be freed."""
        google = status.counts["google"]
        arriving = google.get("none", 0) + google.get("staged", 0) + google.get("arrived", 0)
        waiting = status.counts["local"].get("wanted", 0)
        ready = google.get("settled", 0) and arriving <= waiting
        if ready and time.monotonic() - self._pressed >= PRESS_EVERY:
            self._pressed = time.monotonic()
            async with httpx.AsyncClient() as client:
                await client.post(f"{self._phone}/phone/free-up-space")
