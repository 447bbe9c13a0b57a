"""Prints answers as tables; file names are shown without characters that a terminal would act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from shared.domain.pipeline import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.domain.progress import Progress, UnderWay
    from shared.domain.questions import Status

console = Console()
_DOING = {"compress": "compressing"}


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
    table("Compression", ("what", ""), _compression(found))
    table("Totals", ("what", "count"), _totals(found))


def _counts(found: Status) -> Iterable[tuple[object, ...]]:
    for machine, counts in found.counts.items():
        for state, count in sorted(counts.items()):
            yield machine, state, count


def _totals(found: Status) -> Iterable[tuple[str, object]]:
    for name, count in sorted(found.totals.items()):
        yield name, size(count) if name.startswith("bytes_") else count


def _compression(found: Status) -> Iterable[tuple[str, str]]:
    """Say what compression did to the files in the archive; the bytes of those whose original is still there are not saved yet."""
    states, told = found.counts.get("compression", {}), found.totals
    before, after = told.get("bytes_compressed_from", 0), told.get("bytes_compressed_to", 0)
    done = states.get("archived", 0) + states.get("renewing", 0)
    yield "compressed", f"{done} files, {sizes(before, after)}"
    yield "left as they are", f"{states.get('left', 0)} files"
    yield "unreadable", f"{states.get('unreadable', 0)} files"
    yield "reclaimable, once the originals leave", size(told.get("bytes_reclaimable", 0))
    yield "saved, as the originals have left", size(told.get("bytes_saved", 0))


def size(count: float) -> str:
    """Say a number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError


def sizes(before: int, after: int) -> str:
    """Say how much smaller something became."""
    part = f" ({1 - after / before:.0%} less)" if before else ""
    return f"{size(before)} -> {size(after)}{part}"


def media(rows: Sequence[dict[str, Any]]) -> None:
    """Print files."""
    columns = ("id", "filename", "resource", "status", "synced_google", "synced_nas", "path")
    table(
        "Files",
        (*columns, "compression"),
        ((*(row[name] for name in columns), compression(row)) for row in rows),
    )


def compression(row: Mapping[str, Any]) -> str:
    """Say what compression made of one file, with the numbers or the reason."""
    match row["compression"]:
        case "renewing" if row["rendition_size"] is None:
            return f"left until now, being compressed anew: {row['compression_note']}"
        case "compressed" | "archived" | "renewing":
            found = sizes(row["initial_size"] or 0, row["rendition_size"] or 0)
            score = "" if row["score"] is None else f", score {row['score']:.1f}"
            return f"{found}{score}, tier {row['tier']}"
        case "left" | "unreadable" as state:
            return f"{state}: {row['compression_note']}"
        case _:
            return ""


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


def progress(told: Iterable[Progress]) -> None:
    """Print what the workers have under way, a line each."""
    for line in lines(told):
        console.print(line, markup=False, highlight=False)


def lines(told: Iterable[Progress]) -> list[str]:
    """Say what the workers have under way, a line each."""
    return [under_way(file) for one in told for file in one.files]


def under_way(file: UnderWay) -> str:
    """Say how far one file is, such as `compressing IMG_1.MOV 43 %, 12 fps, 2 min left`."""
    far = f"for {span(file.seconds)}" if file.done is None else f"{file.done * 100:.0f} %"
    parts = [f"{_DOING.get(file.stage, file.stage)} {printable(file.filename)} {far}"]
    if file.frames_per_second is not None:
        parts.append(f"{file.frames_per_second:.0f} fps")
    if file.seconds_left is not None:
        parts.append(f"{span(file.seconds_left)} left")
    return ", ".join(parts)


def span(seconds: float) -> str:
    """Say a number of seconds as people do."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.0f} h"
