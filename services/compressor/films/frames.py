"""Counts the frames that all runs of ffmpeg in this process have put out, so that it can be told how fast a video goes."""

from __future__ import annotations


class Frames:
    """A process works on one file only: one count a process."""

    def __init__(self) -> None:
        self.total = 0

    def put_out(self, more: int) -> None:
        """Count frames of a run."""
        self.total += max(0, more)


FRAMES = Frames()
