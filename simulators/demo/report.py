"""Prints what the demo did and what the proof found; the numbers come from the state service, the verdict from outside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from shared.cli.showing import printable, size
from shared.domain.pipeline import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from shared.domain.questions import Status
    from simulators.demo.configuration import Override
    from simulators.demo.progress import Watched
    from simulators.demo.proof import Findings


def count(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def overrides(console: Console, changed: tuple[Override, ...]) -> None:
    """Say which safety defaults the demo sets aside, and why it may."""
    _title(console, "Safety defaults that this demo overrides (its photos are copies)")
    table = Table()
    for heading in ("setting", "default", "in this demo"):
        table.add_column(heading)
    for one in changed:
        table.add_row(one.setting, one.default, one.demo)
    console.print(table)


def totals(console: Console, watched: Watched) -> None:
    """Print assets, files, bytes and the time of each stage."""
    status = watched.status
    if status is None:
        return
    _title(console, "What happened")
    table = Table(show_header=False)
    table.add_column("", style="bold")
    table.add_column("", justify="right")
    told = status.totals
    for name, value in (
        ("assets", f"{told['assets']}"),
        ("files (records of iCloud included)", f"{told['files']}"),
        ("bytes in", size(told["bytes_in"])),
        ("bytes saved (has left the disks)", size(told["bytes_saved"])),
        ("bytes reclaimable (originals kept beside renditions)", size(told["bytes_reclaimable"])),
        ("deleted from iCloud", f"{told['deleted']}"),
        ("in quarantine", f"{told['quarantined']}"),
        ("time", f"{watched.seconds:.1f} s"),
    ):
        table.add_row(name, value)
    console.print(table)
    _title(console, "Time per stage (summed over parallel workers)")
    console.print(_stages(status))


def _title(console: Console, text: str) -> None:
    """A table's own title would wrap at the width of the table."""
    console.print(f"\n{text}", style="italic", highlight=False)


def _stages(status: Status) -> Table:
    table = Table()
    table.add_column("stage")
    for heading in ("done", "failed", "seconds"):
        table.add_column(heading, justify="right")
    for stage in STAGES:
        work = status.work.get(stage.name, {})
        seconds = status.stage_seconds.get(stage.name, 0.0)
        done, failed = work.get("done", 0), work.get("quarantined", 0)
        table.add_row(stage.name, str(done), str(failed), f"{seconds:.1f}")
    return table


def kept(console: Console, watched: Watched, plants: Mapping[str, str]) -> None:
    """List every asset that stays in iCloud, with its reasons: they are why bars end below their totals."""
    _title(console, "What stays in iCloud, and why")
    table = Table()
    for heading in ("asset", "planted as", "reasons"):
        table.add_column(heading, overflow="fold")
    for row in watched.rows:
        if row["verdict"] != "deleted":
            name = printable(row["filename"])
            table.add_row(name, plants.get(row["asset"], ""), "; ".join(row["reasons"][:3]))
    console.print(table)
    if table.row_count:
        console.print(
            f"A bar above that ends below its total is no failure by itself: {table.row_count} of "
            f"{len(watched.rows)} assets stay in iCloud, each for the reasons in this table, and so "
            "do not go the whole way."
        )


def verdict(console: Console, found: Findings) -> None:
    """Print the proof."""
    console.print(
        f"Proof, read from the outside: {len(found.deleted)} assets are gone from the simulated iCloud; "
        f"{found.originals_compared} originals of theirs were looked for byte by byte in the Google "
        f"store and on the NAS. {len(found.kept)} assets are still in iCloud."
    )
    for line in found.wrong:
        console.print(f"[red]WRONG[/red] {printable(line)}", highlight=False)
    if found.wrong:
        console.print(f"[red]The proof failed: {count(len(found.wrong), 'difference')}.[/red]")
    else:
        console.print("[green]Nothing is missing: the proof holds.[/green]")
