"""The downloader against a simulated iCloud that misbehaves by script, with the state service's real books behind it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from services.state import schema
from shared.domain.errors import PhotoductError
from shared.domain.events import Downloaded
from tests.integration.downloader_world import Books, account, downloader, proven

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration
LIBRARY = "photos=60,bytes=20000-60000,seed=3,live=0.2,edited=0.2,raw=0.1,albums=3"


async def test_a_first_sync_brings_everything_with_few_requests_and_the_next_look_costs_one(
    tmp_path: Path,
) -> None:
    with account(tmp_path, LIBRARY) as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
            await it.work()
            proven(place, books)
            asked = place.requests()
            assert asked["records/lookup"] == 0  # the look has just shown all of them
            assert asked["changes/zone"] <= 4
            files = [row for row in books.rows(schema.media) if row["resource"] != "record"]
            assert asked["download"] == len(files)
            assert it.count("photoduct_download_bytes_total") == sum(
                r["initial_size"] for r in files
            )
            assert it.count("photoduct_look_assets_total") == 60
        async with downloader(place, books) as it:  # a new process
            place.simulator.act("requests", reset=True)
            await it.look()
            asked = place.requests()
            assert asked["changes/zone"] == 1
            assert sum(asked.values()) <= 5
            assert await it.work() == []
            place.simulator.act("add", photos=5, bytes="1000")
            await it.look()
            await it.work()
            proven(place, books)


async def test_a_restarted_downloader_looks_assets_up_together(tmp_path: Path) -> None:
    with account(tmp_path, "photos=120,bytes=2000,seed=4") as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
        async with downloader(place, books) as it:
            await it.work(at_once=64)
            proven(place, books)
            assert place.requests()["records/lookup"] <= 24


async def test_a_storm_of_faults_ends_with_every_byte_and_nothing_failed(tmp_path: Path) -> None:
    with account(tmp_path, LIBRARY) as place:
        books = Books(tmp_path)
        for fault in (
            {"do": "truncate", "every": 9, "times": 2},
            {"do": "short", "every": 17, "times": 2},
            {"do": "status", "status": 500, "every": 13, "times": 2},
            {"do": "expired", "every": 11, "times": 2},
            {"do": "error_body", "every": 19, "times": 2},
            {"do": "close", "every": 14, "times": 2},
            {"do": "flip", "nth": 21, "times": 1},
            {"do": "stall", "nth": 30, "times": 1},
            {"do": "status", "status": 503, "retry_after": "1", "nth": 40, "times": 1},
            {"do": "ignore_range", "every": 2},
        ):
            place.fault(kind="download", **fault)
        place.fault(kind="records/lookup", do="record_error", code="INTERNAL_ERROR", every=3)
        place.fault(kind="changes/zone", do="split", nth=1, times=1)
        place.fault(kind="changes/zone", do="empty_page", nth=2, times=1)
        place.fault(kind="changes/zone", do="garble", nth=3, times=1)
        async with downloader(place, books, stall_seconds=3) as it:
            await it.look()
            await it.look()
            ended = await it.work()
            failed = [report for report in ended if not isinstance(report, Downloaded)]
            assert failed == []
            proven(place, books)
            assert it.count("photoduct_download_retries_total", reason="stalled") == 1
            assert it.count("photoduct_icloud_throttles_total", kind="downloads") == 1


async def test_nobody_asks_before_apples_moment_and_one_asks_first(tmp_path: Path) -> None:
    with account(tmp_path, "photos=40,bytes=200000,seed=5") as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
            place.fault(kind="download", do="status", status=429, retry_after="4", nth=12, times=1)
            await it.work()
            proven(place, books)
            log = [one for one in place.log() if one["kind"] == "download"]
            (slowed,) = [one["at"] for one in log if one["status"] == 429]
            after = sorted(one["at"] for one in log if one["at"] > slowed + 2)
            assert after[0] - slowed >= 4
            assert it.count("photoduct_icloud_throttles_total", kind="downloads") == 1
            assert it.count("photoduct_icloud_throttles_total", kind="requests") == 0


async def test_a_throttled_look_waits_and_goes_on_by_itself(tmp_path: Path) -> None:
    with account(tmp_path, "photos=10,bytes=200,seed=5") as place:
        books = Books(tmp_path)
        place.fault(kind="changes/zone", do="throttled", code="THROTTLED", retry_after=1, times=2)
        async with downloader(place, books) as it:
            began = time.monotonic()
            await it.look()
            assert time.monotonic() - began >= 2
            assert it.attention.standing == {}
            assert len(books.rows(schema.asset)) == 10


async def test_a_look_that_dies_in_mid_feed_goes_on_from_the_recorded_page(tmp_path: Path) -> None:
    with account(tmp_path, "photos=350,bytes=100,seed=6") as place:
        books = Books(tmp_path)
        place.fault(kind="changes/zone", do="close", nth=3, times=1)
        async with downloader(place, books) as it:
            with pytest.raises(PhotoductError):
                await it.look()
        before = len(books.pages)
        assert before > 0
        recorded = books.pages[-1].token
        async with downloader(place, books) as it:
            await it.look()
            assert len(books.rows(schema.asset)) == 350
            assert books.pages[before].since == recorded


async def test_a_refused_token_reads_the_whole_history_and_downloads_nothing_again(
    tmp_path: Path,
) -> None:
    with account(tmp_path, LIBRARY) as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
            await it.work()
            place.simulator.act("requests", reset=True)
            place.fault(kind="changes/zone", do="bad_token", times=1)
            await it.look()
            assert await it.work() == []
            assert place.requests()["download"] == 0
            proven(place, books)


async def test_what_happens_to_an_asset_later_ends_in_the_right_facts(tmp_path: Path) -> None:
    with account(tmp_path, "photos=6,bytes=3000,seed=7") as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
            await it.work()
            edited, favourite, hidden, gone, restored, _ = sorted(place.assets())
            place.simulator.act("edit", id=edited, bytes=5000)
            place.simulator.act("favorite", id=favourite, favorite=True)
            place.simulator.act("hide", id=hidden, hidden=True)
            place.simulator.act("delete", id=gone)
            place.simulator.act("delete", id=restored)
            await it.look()
            await it.work()
            rows = {row["icloud_id"]: row for row in books.rows(schema.asset)}
            assert (rows[favourite]["favorite"], rows[hidden]["hidden"]) == (True, True)
            assert [rows[name]["listed"] for name in (gone, restored, edited)] == [
                False,
                False,
                True,
            ]
            kinds = [
                row["resource"]
                for row in books.rows(schema.media)
                if row["icloud_id"] == edited and row["local"] == "backup"
            ]
            assert sorted(kinds) == ["edited", "original", "record", "record"]
            place.simulator.act("recover", id=restored)
            place.simulator.act("expunge", id=gone)
            await it.look()
            await it.work()
            rows = {row["icloud_id"]: row for row in books.rows(schema.asset)}
            assert (rows[restored]["listed"], rows[gone]["listed"]) == (True, False)
            for row in books.rows(schema.media):
                assert (place.root / "backup" / row["path"]).is_file(), row


async def test_a_shared_library_is_downloaded_and_kept_and_other_zones_are_left_alone(
    tmp_path: Path,
) -> None:
    zones = [
        "photos=5,bytes=2000,seed=8",
        "photos=7,bytes=2000,seed=9,zone=SharedSync,database=shared",
        "photos=3,bytes=2000,seed=10,zone=CMM,database=shared",
    ]
    with account(tmp_path, *zones, shared_library=True) as place:
        books = Books(tmp_path)
        async with downloader(place, books) as it:
            await it.look()
            await it.work()
            shared = [row for row in books.rows(schema.asset) if "@SharedSync-" in row["icloud_id"]]
            assert len(shared) == 7
            assert all("never deletes" in row["problem"] for row in shared)
            assert len(books.rows(schema.asset)) == 12
            assert {row["local"] for row in books.rows(schema.media)} == {"backup"}
        async with downloader(place, books) as it:  # a restarted one finds the zone again
            for row in books.rows(schema.media):
                (place.root / "backup" / row["path"]).unlink()
            works = [w for w in _again(books) if "@" in w.asset][:3]
            await asyncio.gather(*(it.handle(work) for work in works))
            assert all((place.root / "backup" / work.path).is_file() for work in works)


def _again(books: Books):  # type: ignore[no-untyped-def]
    from shared.domain.work_items import DownloadWork

    names = {row["id"]: row for row in books.rows(schema.asset)}
    for row in books.rows(schema.media):
        if row["resource"] == "original":
            yield DownloadWork(
                stage="download",
                key=row["id"],
                attempt=9,
                asset=row["icloud_id"],
                created=books.world.clock.now(),
                zone=names[row["asset_id"]]["zone"],
                resource=row["resource"],
                checksum=row["checksum"],
                size=row["listed_size"],
                path=row["path"],
                kind=row["kind"],
            )
