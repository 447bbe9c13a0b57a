"""The benchmark of the spine measures what it says: every stage is passed, and a slow disk is slow in both programs."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.shared.page import write_into
from benchmarks.shared.processes import COUNTED, FAST, SLOW, counted_syncs
from benchmarks.spine import measure, prototype
from benchmarks.spine.rounds import NAMES, Flow, Results, opened
from benchmarks.spine.stack import WORKERS, stack
from benchmarks.spine.table import MARKERS, tables

if TYPE_CHECKING:
    from pathlib import Path

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None and not os.environ.get("PHOTODUCT_REQUIRE_REAL"),
    reason="strace is not installed",
)


async def test_a_few_assets_go_through_every_stage_and_none_is_refused() -> None:
    async with stack("sqlite") as made:
        books, bus = await opened(made), await made.bus("downloader")
        seconds = await measure.saturated(made, bus, books, 3, 0)
        assert seconds > 0
        assert (books.purged(), books.files(), books.rejected()) == (3, 3 * measure.FILES, 0)
        done = "SELECT count(*) FROM work WHERE state = 'done' AND stage <> 'verify'"
        assert books.number(done) == 3 * 10
        books.close()
        await bus.close()


@needs_strace
async def test_a_slow_disk_slows_the_bus_and_the_books() -> None:
    async with stack("sqlite", SLOW, workers=False) as made:
        books, bus = await opened(made), await made.bus("downloader")
        control = await measure.control(bus, books, tries=3)
        books.close()
        await bus.close()
    assert control.nats >= SLOW.delay_ms
    assert control.state >= 0.9 * SLOW.delay_ms


@needs_strace
async def test_fsyncs_are_counted_in_both_programs() -> None:
    async with stack("sqlite", COUNTED, workers=False) as made:
        books, bus = await opened(made), await made.bus("downloader")
        await measure.control(bus, books, tries=5)
        books.close()
        await bus.close()
        await made.stop(*WORKERS, "state", "nats-server")
        assert counted_syncs(made.folder, "nats-server") >= 5
        assert counted_syncs(made.folder, "state") >= 5


async def test_the_prototype_sends_files_through_all_of_its_stages() -> None:
    async with prototype.prototype(FAST) as (bus, database):
        assert await prototype.put_in(bus, database, range(1, 4)) > 0


def test_the_tables_replace_only_what_lies_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKERS.begin}\nold\n{MARKERS.end}\nafter\n")
    write_into(page, "new", MARKERS)
    assert page.read_text() == f"before\n{MARKERS.begin}\nnew\n{MARKERS.end}\nafter\n"


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing to fill in\n")
    with pytest.raises(ValueError, match="no markers"):
        write_into(page, "new", MARKERS)


def test_ratios_are_taken_within_a_round_so_that_other_work_on_the_machine_weighs_less() -> None:
    results = Results(load=[0.1, 5.0, 0.1])
    alone = [measure.spread([1.0, 2.0, 3.0])]
    results.flows["prototype", FAST.label] = Flow([100.0, 10.0, 100.0], alone)
    results.flows["sqlite", FAST.label] = Flow([100.0, 15.0, 400.0], alone)
    results.floods = {"sqlite": [1.0], "postgres": [1.0]}
    results.syncs = {"state": (4.0, 8.0)}
    results.idle = results.loaded = dict.fromkeys(NAMES, 10.0)
    row = next(line for line in tables(results).splitlines() if "| sqlite | 100.0 |" in line)
    assert row.split(" | ")[3:5] == ["**200**", "3.0"]
