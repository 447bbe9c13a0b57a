"""Plays the small demo's library through the pipeline while a test does something to the processes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from shared.cli.asking import NotRunning, operator
from shared.domain.errors import Fatal
from shared.runtime.supervisor import Supervisor
from simulators.demo.configuration import Folders
from simulators.demo.owner import Owner
from simulators.demo.progress import Watched, watch
from simulators.demo.proof import gone
from simulators.demo.scene import expected, fresh_folder, scene
from simulators.library import generate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from shared.cli.asking import Operator
    from shared.domain.questions import Status
    from simulators.demo.scene import Scene

    Look = Callable[[Status, Supervisor], None]
    Glance = Callable[[Status], None]

DEADLINE_S = 220.0
"""Generous, because a deletion whose permit died with its holder waits until that permit (60 s) has lapsed."""
POLL_S = 0.05
QUICKER = {
    "deletion": {"dwell": "0.3s", "local_purge_after": "0.2s"},
    "pixel_sync": {"settle_for": "0.3s"},
}


def small_library(directory: Path) -> Path:
    """Make the small library, without the photo that Google refuses: the end would have to be waited for longer."""
    manifest = generate(directory, size="small")
    made = json.loads(manifest.read_text())
    made["assets"] = [one for one in made["assets"] if one["plant"] != "refused_by_google"]
    manifest.write_text(json.dumps(made))
    return directory


@contextmanager
def stage_set(root: Path, library: Path) -> Iterator[Scene]:
    folders = Folders(root)
    fresh_folder(folders)
    with scene(folders, library, "standin") as here:
        settings = yaml.safe_load(folders.config.read_text())
        for section, values in QUICKER.items():
            settings[section] |= values
        folders.config.write_text(yaml.safe_dump(settings))
        yield here


async def work_until_rest(here: Scene, watched: Watched, look: Look | None = None) -> None:
    """Run the product until it rests; an exception of `look` stops it in good order."""
    async with Supervisor(here.common, here.folders.config) as processes:

        def glance(status: Status) -> None:
            if look is not None:
                look(status, processes)

        await watch_from_outside(here, glance, watched)


async def watch_from_outside(here: Scene, glance: Glance, watched: Watched | None = None) -> None:
    """Watch until all rests, playing the phone's owner; whoever runs the product is not our business."""
    owner = Owner(here.phone.told.truth_url)

    async def each(status: Status) -> None:
        await owner.look(status)
        glance(status)

    async with answering(here) as one:
        await watch(one.ask, each, watched or Watched(), DEADLINE_S, poll=POLL_S)


@asynccontextmanager
async def answering(here: Scene) -> AsyncIterator[Operator]:
    """Connect as the operator as soon as somebody is there to answer."""
    async with AsyncExitStack() as stack:
        yield await _connected(here, stack)


async def _connected(here: Scene, stack: AsyncExitStack) -> Operator:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await stack.enter_async_context(operator(here.common))
        except (NotRunning, Fatal):  # its bus, or the password for it, is still being made
            assert time.monotonic() < deadline
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True)
class Outcome:
    """All that a kill must not change."""

    counts: dict[str, dict[str, int]]
    done: dict[str, dict[str, int]]
    attention: tuple[str, ...]
    removal: dict[str, str]
    versions: dict[str, int]
    """How often each asset's record was written in iCloud: a second deletion would show here."""


def outcome(here: Scene, watched: Watched) -> Outcome:
    assert watched.status
    status = watched.status
    return Outcome(
        counts=status.counts,
        done=status.work,
        attention=tuple(sorted(one["text"] for one in status.attention)),
        removal={row["asset"]: row["removal"] for row in watched.rows},
        versions={key: asset["versions"] for key, asset in here.apple.truth().items()},
    )


def done(status: Status, stages: frozenset[str] | None = None) -> int:
    """Return how many tasks have ended well, of these stages or of all."""
    return sum(
        counts.get("done", 0)
        for stage, counts in status.work.items()
        if stages is None or stage in stages
    )


def proven(here: Scene, watched: Watched) -> None:
    """Hold the end of a run against the outside world and the books."""
    found = here.judge()
    assert found.wrong == []
    wanted = {key for key, end in expected(here.library).items() if end == "deleted"}
    assert {key for key, asset in here.apple.truth().items() if gone(asset)} == wanted
    assert watched.status
    assert watched.status.totals["quarantined"] == 0
    assert watched.status.totals["rejected"] == 0
    assert permits(here) == Counter(wanted)


def permits(here: Scene) -> Counter[str]:
    """Return how many deletions the books permitted and saw carried out, by asset."""
    query = (
        "SELECT asset.icloud_id FROM permit JOIN asset ON asset.id = permit.asset_id"
        " WHERE permit.outcome NOT IN ('lapsed unused', 'kept')"
    )
    with closing(sqlite3.connect(here.folders.data / "media.db")) as books:
        return Counter(row[0] for row in books.execute(query))


def play(root: Path, library: Path, look: Look | None = None) -> Outcome:
    """Run everything once from the beginning to the end, and prove it."""
    with stage_set(root, library) as here:
        watched = Watched()
        asyncio.run(work_until_rest(here, watched, look))
        proven(here, watched)
        return outcome(here, watched)
