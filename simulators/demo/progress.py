"""Watches a running pipeline until nothing more can move, showing how far it is; it gives no orders."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.cli.showing import printable
from shared.domain import questions
from shared.domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from rich.progress import Progress, TaskID


STAGE_OF: Final = {
    "downloaded": "download",
    "at Google": "pixel",
    "on the NAS": "nas",
    "compressed": "compress",
    "deleted from iCloud": "delete",
}
"""The stage whose work a bar waits for."""
MOVING_GOOGLE = ("staged", "arrived")
STILL_FOR = 2.5
"""Seconds of stillness that count as the end; longer than every interval of the demo's settings."""
LONG_STILL_FOR = 6.0
"""The same while files lie on the phone that "Free up space" has not removed: Google may have refused them."""
POLL = 0.25


@dataclass(slots=True)
class Watched:
    """What the state service last said."""

    status: questions.Status | None = None
    rows: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0


class NotFinished(Exception):
    """The pipeline did not come to rest in time."""


async def pages(
    ask: Callable[[questions.AskRows], Awaitable[questions.Rows]],
) -> tuple[dict[str, Any], ...]:
    """Return all rows of a paged question."""
    found: list[dict[str, Any]] = []
    after = 0
    while rows := (await ask(questions.AskRows(after=after))).rows:
        found.extend(rows)
        after = max(row["id"] for row in rows)
    return tuple(found)


async def watch(
    ask: Callable[..., Awaitable[Any]],
    each: Callable[[questions.Status], Awaitable[None]],
    watched: Watched,
    deadline: float,
    *,
    poll: float = POLL,
) -> None:
    """Poll until the pipeline rests, filling `watched`; raises NotFinished after `deadline` seconds."""
    began = still_since = time.monotonic()
    before: object = None
    while True:
        now = time.monotonic()
        watched.seconds = now - began
        if watched.seconds > deadline:
            raise NotFinished(_unfinished(watched))
        try:
            status = await ask("status", questions.AskStatus(), questions.Status)
            watched.status = status
            await each(status)
            resting = is_still(status) and await _all_decided(ask, watched)
        except Transient:
            resting, status = False, None  # a service is being started again
        if not resting or status is None or status.counts != before:
            still_since, before = now, status and status.counts
        elif now - still_since >= (
            LONG_STILL_FOR if status.counts["google"].get("settled") else STILL_FOR
        ):
            watched.seconds = still_since - began
            return
        await asyncio.sleep(poll)


def is_still(status: questions.Status) -> bool:
    """Say whether no work is out, and nothing waits for the phone."""
    open_work = sum(counts.get("due", 0) + counts.get("out", 0) for counts in status.work.values())
    google = status.counts["google"]
    return status.looked and not open_work and not any(google.get(s) for s in MOVING_GOOGLE)


async def _all_decided(ask: Callable[..., Awaitable[Any]], watched: Watched) -> bool:
    """Say whether every asset is gone, vetoed, or kept for a reason that time alone does not change."""

    async def page(asked: questions.AskRows) -> questions.Rows:
        found: questions.Rows = await ask("pending", asked, questions.Rows)
        return found

    watched.rows = await pages(page)
    return all(
        row["removal"] in {"purged", "vetoed", "restored"}
        or (row["removal"] in {"none", "pending"} and row["reasons"] and not _brief(row["reasons"]))
        for row in watched.rows
    )


def _brief(reasons: list[str]) -> bool:
    return any("has not waited" in reason or "not verified lately" in reason for reason in reasons)


def _unfinished(watched: Watched) -> str:
    if watched.status is None:
        return "the state service never answered"
    left = {stage: counts for stage, counts in watched.status.work.items() if counts.get("out")}
    return f"still open: {left or watched.status.counts}"


class Bars:
    """One bar a station, on the terminal."""

    def __init__(self, progress: Progress, patience: float = 2.0) -> None:
        self._progress = progress
        self._patience = patience
        self._said: set[str] = set()
        self._since: dict[str, float] = {}
        self._bars: dict[str, TaskID] = {
            name: progress.add_task(name, total=None, note="")
            for name in (
                "downloaded",
                "at Google",
                "on the NAS",
                "compressed",
                "deleted from iCloud",
            )
        }

    def show(self, status: questions.Status) -> None:
        """Move the bars."""
        counts = status.counts
        files = sum(counts["local"].values()) - counts["local"].get("superseded", 0)
        photos = files - counts["google"].get("exempt", 0)
        google = sum(counts["google"].get(name, 0) for name in ("freed", "confirmed", "takeout"))
        pressed = photos - counts["compression"].get("none", 0)
        done = {
            "downloaded": (files - counts["local"].get("wanted", 0), files),
            "at Google": (google, photos),
            "on the NAS": (counts["nas"].get("verified", 0), files),
            "compressed": (pressed, photos),
            "deleted from iCloud": (status.totals["deleted"], status.totals["assets"]),
        }
        for name, (completed, total) in done.items():
            self._progress.update(self._bars[name], completed=completed, total=total or None)
        for name, stage in STAGE_OF.items():
            self._progress.update(self._bars[name], note=waiting(status.work.get(stage, {})))
        self._say({one["text"] for one in status.attention})

    def _say(self, texts: set[str]) -> None:
        """Name once what still needs attention after a while: services that start wait for each other, too."""
        now = time.monotonic()
        self._since = {text: self._since.get(text, now) for text in texts}
        for text in sorted(texts - self._said):
            if now - self._since[text] >= self._patience:
                self._said.add(text)
                self._progress.console.print(f"waiting: {printable(text)}", markup=False)


def waiting(work: Mapping[str, int]) -> str:
    """Say what of a stage is not done: in work, due or tried again later, given up."""
    words = (
        ("out", "in work"),
        ("due", "due or tried again soon"),
        ("quarantined", "given up, see below"),
    )
    return ", ".join(f"{work[state]} {said}" for state, said in words if work.get(state))
