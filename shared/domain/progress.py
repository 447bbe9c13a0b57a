"""What a worker tells whoever watches about the files that it has under way; nobody keeps it, and nothing is decided by it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from shared.domain.ids import Kind
from shared.domain.wire import Wire


class UnderWay(Wire):
    """One file that is being worked on."""

    stage: str
    asset: str
    filename: str
    kind: Kind
    seconds: float
    """Since work on it began."""
    done: float | None = None
    """The part that is done, 0 to 1; None: nothing is known of it."""
    frames_per_second: float | None = None
    """Of a video: how fast it is decoded or encoded now."""
    seconds_left: float | None = None
    """Guessed from how fast it went lately."""


class Alive(Wire):
    """One worker process is there, wherever it runs; nothing is decided by it."""

    worker: str = Field(max_length=300)
    """Which process: machine and process id."""
    open: bool
    """It takes work; False outside its window (`during`)."""


class Progress(Wire):
    """All that one worker process has under way at a moment; nothing, when it has just come to rest."""

    worker: str
    """Which process: machine and process id."""
    at: datetime
    files: tuple[UnderWay, ...] = ()
