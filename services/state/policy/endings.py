"""How the answer to a task ends it: done, to be tried again after a while, or put into quarantine; it knows no file's facts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain import events
from shared.domain.pipeline import STAGE

if TYPE_CHECKING:
    from services.state.policy.facts import Books, Task

RETRY_MOST = timedelta(hours=6)


def finish(task: Task, report: events.Outcome) -> bool:
    """End the task; False when it had ended before, and this is the late answer of a second worker."""
    if not task.active and task.state != "quarantined":
        return False
    if report.stage == "rendition" and task.attempt != report.attempt:
        return False  # an earlier try was to place another file: it says nothing of the one of now
    task.state, task.reason, task.due_at, task.seconds = "done", None, None, report.seconds
    task.rings = 0
    if not isinstance(report, events.Compressed):  # a rendition counts once it is archived
        task.failures = 0
    return True


def fail(books: Books, task: Task, report: events.Failed) -> None:
    """Count a failure and plan the retry, or put the task into quarantine with its reason."""
    if not task.active or task.attempt != report.attempt:
        return
    task.seconds = report.seconds
    asked = timedelta(seconds=min(report.retry_after or 0, RETRY_MOST.total_seconds()))
    try_again(books, task, report.reason, asked, lasting=report.lasting == "permanent")


def try_again(
    books: Books, task: Task, reason: str, asked: timedelta, *, lasting: bool = False
) -> None:
    """Count a failure; the next try comes after a growing delay, `asked` at the least, until all are used up."""
    task.failures += 1
    task.reason = reason
    tries = books.tries or STAGE[task.stage].tries
    if lasting or task.failures >= tries:
        task.state, task.due_at = "quarantined", None
        return
    delay = max(min(books.first_retry * 4 ** (task.failures - 1), RETRY_MOST), asked)
    task.state, task.attempt, task.due_at = "due", task.attempt + 1, books.now + delay
    task.published_seq = task.published_at = None


def ask_anew(task: Task | None) -> None:
    """Let work that is out be planned again: what it says is true no more."""
    if task is not None and task.active:
        task.state, task.due_at = "cancelled", None
