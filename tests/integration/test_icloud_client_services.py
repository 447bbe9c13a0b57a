"""downloader and icloud_cleanup as programs: on a real nats-server, against the simulated iCloud, from sign-in to deletion."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_signin import login
from shared.adapters.icloud_transport import CloudKit
from shared.adapters.jetstream_asking import serve
from shared.adapters.jetstream_publishing import Publisher
from shared.adapters.jetstream_pulling import Puller
from shared.domain.events import (
    REPORT,
    AlbumAdded,
    AnyReport,
    Attention,
    Deleted,
    Downloaded,
    Failed,
    PageSeen,
)
from shared.domain.icloud_records import is_deleted
from shared.domain.ids import Area
from shared.domain.questions import AskSyncToken, ClaimDeletion, Claimed, SyncToken
from shared.domain.work_items import AssetWork, DownloadWork, FileRef, Work
from shared.ports.bus import Outgoing
from tests.integration.icloud_setup import NAMES, Cloud, cloud, works
from tests.integration.icloud_sim import PASSWORD
from tests.integration.nats_fixture import RealNats, real_nats

pytestmark = pytest.mark.integration


class State:
    """The state service's side, as far as these two services see it."""

    def __init__(self, nats: RealNats) -> None:
        self.nats = nats
        self.reports: list[AnyReport] = []
        self.claims: list[ClaimDeletion] = []

    async def open(self) -> "State":
        self.connection = await self.nats.connect("state")
        self.publisher = Publisher(self.connection)
        await serve(self.connection, "ask.state.sync_token", AskSyncToken, self._token)
        await serve(self.connection, "ask.state.claim_deletion", ClaimDeletion, self._claimed)
        self.reading = asyncio.create_task(self._read())
        return self

    async def _token(self, _question: AskSyncToken) -> SyncToken:
        pages = self.of(PageSeen)
        return SyncToken(token=pages[-1].token if pages else None)

    async def _claimed(self, claim: ClaimDeletion) -> Claimed:
        self.claims.append(claim)
        return Claimed(permit="p1", deadline=datetime.now(UTC) + timedelta(seconds=60))

    async def _read(self) -> None:
        async with Puller(self.connection, "EVT", "state", room=1000) as puller:
            while True:
                for message in await puller.take(100):
                    self.reports.extend(map(REPORT.validate_json, message.body.split(b"\n")))
                    await message.ack()
                    puller.free()

    async def give(self, *tasks: tuple[str, Work]) -> None:
        outgoing = [
            Outgoing(subject, one.model_dump_json().encode(), f"{subject}:{one.key}")
            for subject, one in tasks
        ]
        await self.publisher.publish_many(outgoing)

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.reports if isinstance(one, kind)]

    async def until(self, enough: Callable[[], bool], within: float = 60.0) -> None:
        until = time.monotonic() + within
        while not enough():
            assert time.monotonic() < until, self.reports
            await asyncio.sleep(0.05)


@asynccontextmanager
async def program(name: str, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{name}", "--config", str(config)
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


def configuration(nats: RealNats, place: Cloud) -> Path:
    path = nats.files.data / "config.yaml"
    icloud = place.settings.model_dump(mode="json")
    path.write_text(
        json.dumps(  # JSON is YAML
            {
                "data": str(nats.files.data),
                "library": {"root": str(place.root), "free_space_floor": 0},
                "nats": {"url": nats.files.url},
                "rhythm": {"downloader": "2s"},
                "icloud": icloud,
                "icloud_cleanup": {"enabled": True},
            }
        )
    )
    return path


def megabytes(process: asyncio.subprocess.Process) -> float:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(rollup.split("Pss:")[1].split()[0]) / 1024


def asset_work(stage: str, download: DownloadWork, report: Downloaded, area: Area) -> AssetWork:
    file = FileRef(
        media=report.key,
        resource=download.resource,
        area=area,
        path=report.path,
        sha256=report.sha256,
        size=report.size,
    )
    return AssetWork(
        stage=stage,
        key=1,
        attempt=1,
        asset=download.asset,
        created=download.created,
        zone=download.zone,
        change_tag="",
        files=(file,),
    )


async def test_from_sign_in_to_deletion(tmp_path: Path) -> None:
    (tmp_path / "bus").mkdir()
    with cloud(tmp_path, signed_in=False) as place:
        async with real_nats(tmp_path / "bus") as nats:
            state = await State(nats).open()
            config = configuration(nats, place)
            async with program("downloader", config) as downloader:
                await state.until(lambda: any(a.raised for a in state.of(Attention)))
                await asyncio.to_thread(login, place.settings, PASSWORD, place.simulator.code)
                await state.until(lambda: any(page.final for page in state.of(PageSeen)))
                tasks = works(state.of(PageSeen))
                assert len({task.asset for task in tasks}) == len(NAMES)
                await state.give(*((f"job.download.{task.kind}", task) for task in tasks))
                await state.until(lambda: len(state.of(Downloaded)) == len(tasks))
                assert megabytes(downloader) < 120
            assert state.of(Failed) == []
            for report in state.of(Downloaded):
                landed = place.root / "backup" / report.path
                assert hashlib.sha256(landed.read_bytes()).hexdigest() == report.sha256

            task, report = tasks[0], next(r for r in state.of(Downloaded) if r.key == tasks[0].key)
            async with program("icloud_cleanup", config) as cleanup:
                await state.give(("job.album.all", asset_work("album", task, report, Area.BACKUP)))
                await state.until(lambda: bool(state.of(AlbumAdded)))
                assert (place.root / "delete_pending" / task.path).is_file()
                await state.give(
                    ("job.delete.all", asset_work("delete", task, report, Area.DELETE_PENDING))
                )
                await state.until(lambda: bool(state.of(Deleted)))
                assert megabytes(cleanup) < 120
            (claim,) = state.claims
            assert claim.in_album
            async with open_session(place.settings) as session:
                whole = await ICloudRecords(CloudKit(session)).whole(task.asset)
                assert whole.asset is not None
                assert is_deleted(whole.asset)
            state.reading.cancel()
            await asyncio.gather(state.reading, return_exceptions=True)
