"""Keeps the last lines of icloudpd's output and counts what it says it did; pure, it keeps no more than that."""

from __future__ import annotations

from collections import deque
from typing import Final

_KEPT_LINES: Final = 100
_LONGEST_LINE: Final = 2000


class Output:
    """Fed with bytes as they come."""

    def __init__(self) -> None:
        self.downloaded = 0
        self.errors = 0
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._begun = b""

    def take(self, chunk: bytes) -> None:
        """Take the next bytes."""
        *whole, self._begun = (self._begun + chunk).split(b"\n")
        self._begun = self._begun[:_LONGEST_LINE]
        for line in whole:
            self._keep(line)

    def lines(self) -> list[str]:
        """Return the last lines, the unfinished one too."""
        return [*self._lines, self._begun.decode(errors="replace")]

    def _keep(self, raw: bytes) -> None:
        line = raw[:_LONGEST_LINE].decode(errors="replace").rstrip()
        self._lines.append(line)
        self.downloaded += " INFO     Downloaded " in line
        self.errors += " ERROR    " in line
