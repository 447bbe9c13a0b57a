"""Whether the archive is mounted is told before work waits for it, also when its server never answers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from typing_extensions import override

from services.nas_sync.mounted import Mounted
from services.nas_sync.nas import MARKER, Nas, init_archive
from services.nas_sync.ports import NasMissing, Room

if TYPE_CHECKING:
    from pathlib import Path


def figures(mounted: Mounted) -> tuple[float | None, float | None]:
    registry = CollectorRegistry()
    registry.register(mounted)
    free = registry.get_sample_value("photoduct_disk_free_bytes", {"disk": "nas"})
    return registry.get_sample_value("photoduct_nas_mounted"), free


async def test_an_archive_is_seen_to_go_and_to_come_back(tmp_path: Path) -> None:
    init_archive(tmp_path)
    mounted = Mounted(Nas(tmp_path))
    assert figures(mounted) == (0, None)
    await mounted()
    there, free = figures(mounted)
    assert there == 1
    assert free
    (tmp_path / MARKER).rename(tmp_path / "away")
    with pytest.raises(NasMissing, match="not mounted"):
        await mounted()
    assert figures(mounted) == (0, None)
    (tmp_path / "away").rename(tmp_path / MARKER)
    await mounted()
    assert figures(mounted)[0] == 1


class Hanging(Nas):
    """A server that does not answer until it is told to."""

    def __init__(self) -> None:
        self.answers, self.asked = threading.Event(), 0

    @override
    def room(self) -> Room:
        self.asked += 1
        self.answers.wait(10)
        return Room(1, 2)


async def test_an_archive_that_does_not_answer_is_away_and_is_asked_once() -> None:
    nas = Hanging()
    mounted = Mounted(nas, patience=0.01)
    for _ in range(3):
        with pytest.raises(NasMissing, match="does not answer"):
            await mounted()
    assert (figures(mounted), nas.asked) == ((0, None), 1)
    nas.answers.set()
    patient = Mounted(nas)
    await patient()
    assert figures(patient) == (1, 1)
