"""Prints answers as tables; file names are shown without characters that a terminal would act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from shared.domain.pipeline import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.domain.questions import Status

console = Console()


def printable(value: object) -> str:
    """Return a text that cannot move the cursor or change colours."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(printable(value) for value in row), style=None)
    console.print(made, markup=False)


def status(found: Status) -> None:
    """Print how the pipeline is."""
    for text in dict.fromkeys(printable(one["text"]) for one in found.attention):
        console.print(f"! {text}", style="bold red", markup=False)
    table(
        "Work",
        ("stage", "waiting", "out", "done", "in quarantine"),
        (
            (
                stage.name,
                work.get("due", 0),
                work.get("out", 0),
                work.get("done", 0),
                work.get("quarantined", 0),
            )
            for stage in STAGES
            for work in (found.work.get(stage.name, {}),)
        ),
    )
    if found.retrying:
        columns = ("stage", "filename", "failures", "reason", "due_at")
        rows = ([one[name] for name in columns] for one in found.retrying)
        table("Failed, and tried again at", columns, rows)
    table("Files and assets", ("what", "state", "count"), _counts(found))
    table("Totals", ("what", "count"), sorted(found.totals.items()))


def _counts(found: Status) -> Iterable[tuple[object, ...]]:
    for machine, counts in found.counts.items():
        for state, count in sorted(counts.items()):
            yield machine, state, count


def pending(rows: Sequence[dict[str, Any]]) -> None:
    """Print what would be deleted from iCloud, and why the rest stays."""
    going = [row for row in rows if row["verdict"] == "delete"]
    staying = [row for row in rows if row["verdict"] == "keep"]
    table("Would be deleted", ("asset", "file"), ((r["asset"], r["filename"]) for r in going))
    table(
        "Stays in iCloud",
        ("asset", "file", "state", "why"),
        ((r["asset"], r["filename"], r["removal"], "; ".join(r["reasons"])) for r in staying),
    )
    gone = len(rows) - len(going) - len(staying)
    console.print(f"{len(going)} would go, {len(staying)} stay, {gone} are deleted already.")
