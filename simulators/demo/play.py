"""Plays the demo: simulators, the product as its own processes, progress, table and proof; it deletes only its own folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared.cli.asking import operator
from shared.runtime.supervisor import Supervisor
from simulators.demo import report
from simulators.demo.configuration import OVERRIDES, Folders
from simulators.demo.folder import check_apart, claimed, fresh_folder, give_home
from simulators.demo.owner import Owner
from simulators.demo.progress import Bars, NotFinished, Watched, watch
from simulators.demo.proof import fingerprint
from simulators.demo.scene import plants, scene
from simulators.library import generate

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from shared.domain.questions import Status
    from simulators.demo.ending import Ending
    from simulators.demo.scene import Scene


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for."""

    root: Path
    photos: Path | None
    size: str
    deadline: float
    phone: str


def play(wish: Wish, console: Console, ending: Ending) -> int:
    """Run the demo; 0 when the pipeline came to rest and the proof holds. Refused: it did not start.

    KeyboardInterrupt: a signal ended it; nothing runs any more.
    """
    folders = Folders(wish.root)
    if wish.photos is not None:
        check_apart(wish.root, wish.photos)
    with claimed(folders):
        fresh_folder(folders)
        give_home(folders)
        return _play(wish, folders, console, ending)


def _play(wish: Wish, folders: Folders, console: Console, ending: Ending) -> int:
    began = time.monotonic()
    library = wish.photos or folders.root / "library"
    if wish.photos is None:
        console.print("Making a library of photos and videos...")
        generate(library, size="small" if wish.size == "small" else "full")
    before, watched, wrong = fingerprint(library), Watched(), []
    with scene(folders, library, wish.phone) as here:
        report.overrides(console, OVERRIDES)
        try:
            ending.run(_show(here, watched, wish.deadline, console))
        except NotFinished as error:
            wrong.append(f"the pipeline did not come to rest within {wish.deadline:.0f} s: {error}")
        found = here.judge()
    if fingerprint(library) != before:
        wrong.append(f"{library} was changed")
    found.wrong[:0] = wrong
    report.totals(console, watched)
    report.kept(console, watched, plants(library))
    report.verdict(console, found)
    console.print(
        f"The demo took {time.monotonic() - began:.1f} s; everything of it lies in {folders.root}"
    )
    return 1 if found.wrong else 0


async def _show(here: Scene, watched: Watched, deadline: float, console: Console) -> None:
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    owner = Owner(here.phone.told.truth_url)
    async with Supervisor(here.common, here.folders.config), operator(here.common) as one:
        with Progress(*columns, console=console) as progress:
            bars = Bars(progress)

            async def each(status: Status) -> None:
                bars.show(status)
                await owner.look(status)

            await watch(one.ask, each, watched, deadline)
