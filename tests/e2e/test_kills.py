"""Killing any one process changes the duration and nothing else; so does killing all, and losing all that the bus keeps."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from shared.domain.pipeline import SERVICES, stages_of
from simulators.demo.progress import Watched
from tests.e2e.hasten import hastened
from tests.e2e.rig import (
    done,
    outcome,
    play,
    proven,
    small_library,
    stage_set,
    watch_from_outside,
    work_until_rest,
)
from tests.e2e.tree import kill_together, up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.domain.questions import Status
    from shared.runtime.supervisor import Supervisor
    from simulators.demo.scene import Scene
    from tests.e2e.rig import Outcome

pytestmark = pytest.mark.integration
PROCESSES = ("state", *(service.name for service in SERVICES), "nats")
MOMENTS = (0.15, 0.5, 0.85)
JITTER = 0.1


@pytest.fixture(scope="module", autouse=True)
def hurry() -> Iterator[None]:
    with hastened():
        yield


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def undisturbed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """How a run ends in which nothing dies."""
    return play(tmp_path_factory.mktemp("undisturbed"), library)


@dataclass
class Killer:
    """Kills one process once, when a share of the work that concerns it is done."""

    victim: str
    moment: float
    whole: dict[str, dict[str, int]]
    killed: int | None = None
    followers: set[int] = field(default_factory=set)

    def __call__(self, status: Status, processes: Supervisor) -> None:
        pid = processes.alive().get(self.victim)
        if self.killed is None and pid is not None and self._is_time(status):
            self.killed = pid
            os.kill(pid, signal.SIGKILL)
        elif self.killed is not None and pid not in {None, self.killed}:
            self.followers.add(pid)

    def _is_time(self, status: Status) -> bool:
        stages = frozenset(stage.name for stage in stages_of(self.victim)) or None
        whole = sum(
            counts.get("done", 0)
            for stage, counts in self.whole.items()
            if stages is None or stage in stages
        )
        return done(status, stages) >= self.moment * whole


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", PROCESSES)
def test_a_killed_process_changes_nothing(
    victim: str, moment: float, library: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    seeded = random.Random(f"{victim} at {moment}")  # noqa: S311 - a test's moment
    killer = Killer(victim, moment + seeded.uniform(-JITTER, JITTER), undisturbed.done)
    assert play(tmp_path, library, killer) == undisturbed
    assert killer.killed is not None
    assert len(killer.followers) == 1, "it was started again, once"


class Enough(Exception):
    """The moment has come."""


@dataclass
class Interrupter:
    """Ends the watching, in good order, when half of all work is done."""

    whole: dict[str, dict[str, int]]
    at_end: int = 0

    def __call__(self, status: Status, _processes: Supervisor | None = None) -> None:
        self.at_end = done(status)
        if self.at_end >= sum(counts.get("done", 0) for counts in self.whole.values()) / 2:
            raise Enough


@dataclass
class First:
    """Keeps how much was done when a new start first answered."""

    done: int | None = None

    def __call__(self, status: Status, _processes: Supervisor) -> None:
        self.done = done(status) if self.done is None else self.done


def test_killing_everything_at_once_changes_nothing(
    library: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    with stage_set(tmp_path, library) as here:
        interrupter = Interrupter(undisturbed.done)
        with up(here) as program:
            with pytest.raises(Enough):
                asyncio.run(watch_from_outside(here, interrupter))
            assert len(kill_together(program.pid)) >= 1 + len(PROCESSES)
        goes_on(here, interrupter.at_end, undisturbed)


def test_an_emptied_bus_loses_nothing(library: Path, undisturbed: Outcome, tmp_path: Path) -> None:
    with stage_set(tmp_path, library) as here:
        interrupter = Interrupter(undisturbed.done)
        with pytest.raises(Enough):
            asyncio.run(work_until_rest(here, Watched(), interrupter))
        shutil.rmtree(here.folders.data / "jetstream")
        goes_on(here, interrupter.at_end, undisturbed)


def goes_on(here: Scene, from_there: int, undisturbed: Outcome) -> None:
    """Start again on the same folders: it begins where it was, and ends as if nothing had happened."""
    first, watched = First(), Watched()
    asyncio.run(work_until_rest(here, watched, first))
    assert first.done is not None
    assert first.done >= from_there
    proven(here, watched)
    assert outcome(here, watched) == undisturbed
