"""The errors of photoduct, sorted by what the caller does next; raising one can never change a file.

PhotoductError
├── Waiting     the world is not ready (NAS unplugged, session expired, disk full): nothing is
│               counted against the file, the work comes back later and the person is told
├── Transient   this try failed: report it, try again after a growing delay, give up in the end
├── Permanent   trying again cannot help: quarantine with the reason
└── Fatal       the service itself cannot go on: stop it and tell the person
"""

from __future__ import annotations


class PhotoductError(Exception):
    """Any failure that photoduct has a plan for; its text is one sentence for people."""


class Waiting(PhotoductError):
    """The outside world is not ready; `attention` names the record that tells the person."""

    def __init__(self, text: str, *, attention: str, retry_after: float = 30.0) -> None:
        super().__init__(text)
        self.attention = attention
        self.retry_after = retry_after


class Transient(PhotoductError):
    """This try failed and a later one may not; `retry_after` (seconds) is the world's own wish."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Permanent(PhotoductError):
    """No later try can succeed without a person; the file goes into quarantine with this text."""


class Fatal(PhotoductError):
    """The service cannot work at all; it stops with this text."""


class IllegalMove(Permanent):
    """A state machine was asked for a move that its table does not have."""
