"""Follows the files that are in work: how far each is, how fast, and how it ended; it changes nothing about the work."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from services.compressor.pool.figures import Figures, outcome_of
from shared.domain.progress import Progress, UnderWay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.compressor.verdict import Compressed, Left, Unreadable
    from shared.domain.work_items import FileWork
    from shared.ports.clock import Clock

_LATELY_S: Final = 20.0
"""What is guessed is guessed from this long."""
Found = TypeVar("Found", bound="Compressed | Left | Unreadable")


class _Point(NamedTuple):
    at: float
    done: float
    frames: int


class _File:
    """One file in work, and what was heard of it lately; times in seconds of any clock that only goes forward."""

    def __init__(self, work: FileWork, now: float) -> None:
        self.work = work
        self.began = now
        self.frames = 0
        self._lately: deque[_Point] = deque()

    def heard(self, now: float, done: float) -> None:
        self._lately.append(_Point(now, done, self.frames))
        while len(self._lately) > 2 and self._lately[1].at < now - _LATELY_S:
            self._lately.popleft()

    def shown(self, now: float) -> UnderWay:
        work = self.work
        said = UnderWay(
            stage=work.stage,
            asset=work.asset,
            filename=work.filename,
            kind=work.kind,
            seconds=round(now - self.began, 1),
        )
        if not self._lately:
            return said
        first, last = self._lately[0], self._lately[-1]
        passed = last.at - first.at
        if passed <= 0:
            return said.model_copy(update={"done": last.done})
        guessed = {"done": last.done, "frames_per_second": (last.frames - first.frames) / passed}
        if (gained := last.done - first.done) > 0:
            left = (1 - last.done) * passed / gained - (now - last.at)
            guessed["seconds_left"] = max(0.0, left)
        return said.model_copy(update={name: round(value, 3) for name, value in guessed.items()})


class Following:
    """The files in work in this process."""

    def __init__(
        self, figures: Figures | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._figures = figures or Figures()
        self._now = now
        self._files: dict[int, _File] = {}
        self._count = 0

    async def follow(
        self,
        work: FileWork,
        run: Callable[[Callable[[float], None], Callable[[int], None]], Awaitable[Found]],
    ) -> Found:
        """Do `run`, which tells the part that is done, and all frames so far before that; raises what it raises."""
        self._count += 1
        number, file = self._count, _File(work, self._now())
        self._files[number] = file
        self._figures.began(work.kind)
        outcome = "failed"
        try:
            found = await run(lambda done: file.heard(self._now(), done), self._counting(file))
            outcome = outcome_of(found)
            self._figures.looked_into(work.kind, work.file.size, found)
        except asyncio.CancelledError:
            outcome = "given_back"
            raise
        finally:
            del self._files[number]
            self._figures.ended(work.kind, outcome, self._now() - file.began)
        return found

    def files(self) -> tuple[UnderWay, ...]:
        """Return all that is in work now, first what began first."""
        now = self._now()
        return tuple(file.shown(now) for file in self._files.values())

    def _counting(self, file: _File) -> Callable[[int], None]:
        def count(frames: int) -> None:
            self._figures.frames(max(0, frames - file.frames))
            file.frames = frames

        return count


class Telling:
    """Says from time to time what is in work, and once more when nothing is."""

    def __init__(
        self, following: Following, clock: Clock, show: Callable[[Progress], Awaitable[None]]
    ) -> None:
        self._following, self._clock, self._show = following, clock, show
        self._worker = f"{platform.node()}:{os.getpid()}"
        self._said = False

    async def __call__(self) -> None:
        """Say it, where there is something to say."""
        files = self._following.files()
        if files or self._said:
            await self._show(Progress(worker=self._worker, at=self._clock.now(), files=files))
        self._said = bool(files)
