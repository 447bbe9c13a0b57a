"""The benchmark of the downloader runs both programs for real, and explains each request of a storm or says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.downloader import nothing_new, speed, storm_plan, tables
from benchmarks.downloader.__main__ import MEASUREMENTS, markers
from benchmarks.downloader.explained import Asked, Kill, Weathered, unexplained
from benchmarks.downloader.gauges import Memory
from benchmarks.downloader.icloudpd import Brought

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"
CALM = Weathered(
    storm_plan.QUICK,
    seconds=1.0,
    files=170,
    quarantined=0,
    rejected=0,
    left_behind=0,
    fired={"status of download": 2, "expired of download": 1, "status of changes/zone": 1},
    kills=[Kill(8, 100), Kill(3, 50)],
    asked={"download": 170 + 3 + 11, "records/lookup": 20, "changes/zone": 5},
)
PEER = Brought(10.0, 5, 10_000_000, False, Memory(150, 80), {"download": 6}, 5)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_the_page_has_a_place_for_each_measurement(name: str) -> None:
    text = PAGE.read_text()
    assert 0 < text.find(markers(name).begin) < text.find(markers(name).end)


def test_requests_that_faults_and_kills_explain_are_allowed() -> None:
    CALM.check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"asked": CALM.asked | {"download": CALM.asked["download"] + 1}},
        {"asked": CALM.asked | {"records/lookup": 1000}},
        {"asked": CALM.asked | {"changes/zone": 1000}},
        {"quarantined": 1},
        {"rejected": 1},
        {"left_behind": 1},
        {"unexplained": ("A: 3 requests for 1 files",)},
    ],
)
def test_one_request_too_many_or_a_file_too_few_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        replace(CALM, **wrong).check()  # type: ignore[arg-type]


def test_a_file_may_be_asked_for_again_after_its_own_fault_or_after_a_kill_only() -> None:
    files = {"torn": 1, "killed": 1, "twice": 1, "live": 2}
    asked = [
        Asked(1.0, "torn", True), Asked(2.0, "torn", False),
        Asked(1.0, "killed", False), Asked(6.0, "killed", False),
        Asked(6.0, "twice", False), Asked(7.0, "twice", False),
        Asked(1.0, "live", False), Asked(2.0, "live", False),
    ]  # fmt: skip
    found = unexplained(asked, files, [Kill(8, 100, at=5.0)])
    assert [text.partition(":")[0] for text in found] == ["twice"]


def test_rates_count_whole_files_against_the_time_that_each_program_had() -> None:
    ours = speed.Sync(4.0, 1.0, 16, 80_000_000, {"line": 1.0}, Memory(90, 70), {"download": 16})
    race = speed.Race(speed.FIRST_SYNC, ours, PEER)
    assert race.ratio == pytest.approx(20.0)
    assert race.of_line == pytest.approx(0.8)
    assert "**Ratio to icloudpd: 20.0; 80% of the line**" in tables.races(race, "any")


def test_a_run_that_was_ended_says_how_far_it_came() -> None:
    look = nothing_new.Look(0.5, {"changes/zone": 1})
    found = nothing_new.NothingNew(
        nothing_new.FULL,
        running=[look, look],
        starting=[look],
        twenty=look,
        peer_nothing=replace(PEER, looked_at=7_000),
        peer_twenty=PEER,
    )
    assert "10, ended after 7,000 of 100,000" in tables.looks(found)


@pytest.mark.integration
async def test_both_programs_bring_files_over_the_same_line() -> None:
    race = await speed.race(speed.Load("test", 6, "20000-30000", 25.0))
    assert race.ours.files == 6
    assert race.ours.requests["download"] == 6
    assert (race.theirs.files, race.theirs.requests["download"]) == (6, 6)
    assert race.ours.memory.peak_rss > race.ours.memory.pss > 0
    assert {"icloud", "line", "downloader", "state", "nats"} <= race.ours.processor.keys()
