"""The worker loop on a real nats-server: every way a task can end, long tasks, waiting, restarts and stopping."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry

from services.state.workers import Workers
from shared.adapters.jetstream_admin import consumer_info, ensure_consumer
from shared.domain.errors import Fatal, Permanent, Transient, Waiting
from shared.domain.events import Attention, Failed, Purged, Staged
from shared.domain.ids import Area, Kind, Resource
from shared.domain.pipeline import PIXEL, PIXEL_SYNC
from shared.domain.work_items import FileRef, FileWork
from shared.ports.bus import Outgoing
from shared.runtime.bootstrap import lane_consumers
from shared.runtime.service import Service, open_service
from shared.runtime.settings import Common, NatsSettings
from tests.integration.desk import Desk, open_desk
from tests.unit.runtime.asking import asked_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 22, tzinfo=UTC)
Handler = "Callable[[FileWork], Awaitable[Any]]"


def work(key: int, attempt: int = 1) -> FileWork:
    file = FileRef(
        media=key, resource=Resource.ORIGINAL, area=Area.BACKUP, path="a", sha256="0", size=1
    )
    return FileWork(
        stage="pixel",
        key=key,
        attempt=attempt,
        asset="A",
        created=NOW,
        file=file,
        filename="a.jpg",
        kind=Kind.PHOTO,
    )


def staged(task: FileWork) -> Staged:
    return task.outcome(Staged, at=NOW, path=task.file.path, mtime_ns=1)


@asynccontextmanager
async def running(
    desk: Desk, handler: Any, **options: Any
) -> AsyncIterator[tuple[Service, asyncio.Task[None]]]:
    files = desk.nats.files
    common = Common(data=files.data, nats=NatsSettings(url=files.url))
    async with open_service(PIXEL_SYNC, common) as service:
        task = asyncio.create_task(service.run({"pixel": handler}, **options))
        try:
            yield service, task
        finally:
            service.stop()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as desk:
        yield desk


async def test_a_task_is_reported_then_acknowledged(desk: Desk) -> None:
    async def handle(task: FileWork) -> list[Staged]:
        return [staged(task)]

    async with running(desk, handle) as (service, _):
        await desk.give(*(work(key) for key in range(1, 51)))
        await desk.until(lambda: len(desk.of(Staged)) == 50)
        await desk.until_done(PIXEL, "all")
        page = service.metrics.page()
        assert b'photoduct_jobs_total{outcome="staged",stage="pixel"} 50.0' in page
        assert b'photoduct_job_bytes_total{outcome="staged",stage="pixel"} 50.0' in page
        assert b'photoduct_jobs_total{outcome="transient",stage="pixel"} 0.0' in page
    assert {one.id for one in desk.of(Staged)} == {f"pixel:{key}:1:staged" for key in range(1, 51)}


async def test_failures_are_reported_by_what_comes_next(desk: Desk) -> None:
    async def handle(task: FileWork) -> Staged:
        if task.key == 1:
            raise Transient("the phone is shy", retry_after=7)
        if task.key == 2:
            raise Permanent("never")
        raise KeyError("bug")

    async with running(desk, handle):
        await desk.give(work(1), work(2), work(3))
        await desk.until(lambda: len(desk.of(Failed)) == 3)
        await desk.until_done(PIXEL, "all")  # never given back: the state service retries
    one, two, three = sorted(desk.of(Failed), key=lambda failed: failed.key)
    assert (one.lasting, one.reason, one.retry_after) == ("transient", "the phone is shy", 7)
    assert (two.lasting, two.reason) == ("permanent", "never")
    assert three.lasting == "transient"
    assert "unexpected KeyError" in three.reason


async def test_waiting_holds_the_lane_and_is_told_once(desk: Desk) -> None:
    tries: list[float] = []
    ready = asyncio.Event()

    async def handle(task: FileWork) -> Staged:
        tries.append(time.monotonic())
        if not ready.is_set():
            raise Waiting("The phone's window is full.", attention="window", retry_after=0.1)
        return staged(task)

    async with running(desk, handle):
        await desk.give(*(work(key) for key in range(1, 41)))
        await desk.until(lambda: len(tries) >= PIXEL.slots + 4)
        ready.set()
        probes = tries[PIXEL.slots - 1 :]  # at most the slots once, then one probe at a time
        assert all(later - earlier >= 0.1 for earlier, later in pairwise(probes))
        await desk.until(lambda: len(desk.of(Staged)) == 40)
        await desk.until(
            lambda: any(not a.raised and "window" in a.key for a in desk.of(Attention))
        )
        info = await consumer_info(desk.connection, "JOB_PIXEL", "pixel-all")
        assert info["num_redelivered"] == 0
    told = [one for one in desk.of(Attention) if one.key == "pixel_sync:window"]
    assert [one.raised for one in told] == [True, False]


async def test_unreadable_work_is_put_aside(desk: Desk) -> None:
    async def handle(task: FileWork) -> Staged:
        return staged(task)

    async with running(desk, handle):
        await desk.publisher.publish_many([Outgoing("job.pixel.all", b"{}", "bad")])
        await desk.give(work(1))
        await desk.until(lambda: len(desk.of(Staged)) == 1)
        await desk.until_done(PIXEL, "all")


async def test_heartbeats_keep_a_long_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = await desk.nats.connect("admin")
    (config,) = lane_consumers(PIXEL)
    await ensure_consumer(admin, "JOB_PIXEL", {**config, "ack_wait": 3_000_000_000})
    started: list[int] = []

    async def handle(task: FileWork) -> Staged:
        started.append(task.key)
        await asyncio.sleep(4.0)
        return staged(task)

    object.__setattr__(PIXEL, "ack_wait", 0.6)  # so that some beats may come late
    try:
        async with running(desk, handle):
            await desk.give(work(1))
            await desk.until(lambda: len(desk.of(Staged)) == 1)
    finally:
        object.__setattr__(PIXEL, "ack_wait", 60.0)
    assert started == [1]


async def test_fatal_ends_the_service(desk: Desk) -> None:
    async def handle(_: FileWork) -> Staged:
        raise Fatal("The folders are on two disks.")

    async with running(desk, handle) as (_, task):
        await desk.give(work(1))
        with pytest.raises(Fatal, match="two disks"):
            await asyncio.wait_for(task, 30)


async def test_a_report_that_is_not_its_own_ends_the_service(desk: Desk) -> None:
    async def handle(task: FileWork) -> Any:
        return task.outcome(Purged, at=NOW, media=())

    async with running(desk, handle) as (_, task):
        await desk.give(work(1))
        with pytest.raises(Fatal, match="must not say Purged"):
            await asyncio.wait_for(task, 30)


async def test_sigterm_gives_back_what_is_left_in_time(desk: Desk) -> None:
    starts: list[tuple[int, float]] = []

    async def handle(task: FileWork) -> Staged:
        starts.append((task.key, time.monotonic()))
        await asyncio.sleep(1 if task.key == 1 else 600)
        return staged(task)

    async with running(desk, handle) as (_, task):
        await desk.give(work(1), work(2))
        await desk.until(lambda: len(starts) == 2)
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, 10)
        assert time.monotonic() - began < 10
    await desk.until(lambda: len(desk.of(Staged)) == 1)  # the one that could finish did

    async def quick(task: FileWork) -> Staged:
        return staged(task)

    async with running(desk, quick):  # long before the ack_wait of 60 s
        await desk.until(lambda: {one.key for one in desk.of(Staged)} == {1, 2})


async def test_it_survives_a_killed_server(desk: Desk) -> None:
    async def handle(task: FileWork) -> Staged:
        await asyncio.sleep(0.01)
        return staged(task)

    async with running(desk, handle) as (service, task):
        await desk.give(*(work(key) for key in range(1, 301)))
        await desk.until(lambda: len(desk.of(Staged)) > 50)
        await desk.nats.kill()
        assert await service.lacks()
        await asyncio.sleep(0.5)
        await desk.nats.start()
        await desk.until(lambda: await_ready(service))
        await desk.give(*(work(key) for key in range(301, 351)))
        keys = set(range(1, 351))
        stalled = (
            8  # deliveries under way at the kill come back after the ack_wait: see the next lines
        )
        await desk.until(
            lambda: len({one.key for one in desk.of(Staged)}) >= len(keys) - 2 * stalled
        )
        assert not task.done()


def await_ready(service: Service) -> bool:
    return service.connection.connected.is_set()


def page_of(common: Common) -> int:
    """Return the port of the page that a service has written down."""
    return int(json.loads((common.run / "pixel_sync.json").read_text())["port"])


async def test_a_service_without_a_bus_lives_and_says_what_it_waits_for(desk: Desk) -> None:
    files = desk.nats.files
    common = Common(data=files.data, nats=NatsSettings(url=files.url))
    await desk.nats.kill()

    async def handle(task: FileWork) -> Staged:
        return staged(task)

    async def work_on() -> None:
        async with open_service(PIXEL_SYNC, common) as service:
            await service.run({"pixel": handle})

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work_on())
        await desk.until(lambda: (common.run / "pixel_sync.json").exists())
        port = page_of(common)
        assert await asked_at(port, "healthz") == ("200 OK", "ok\n")
        status, text = await asked_at(port, "readyz")
        assert (status, files.url in text) == ("503 Not Ready", True)
        assert "photoduct_ready 0.0" in (await asked_at(port, "metrics"))[1]
        await desk.nats.start()
        async with asyncio.timeout(20):
            while await asked_at(port, "readyz") != ("200 OK", "ready\n"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert "photoduct_ready 1.0" in (await asked_at(port, "metrics"))[1]
        await desk.nats.kill()
        await desk.until(lambda: not desk.connection.connected.is_set())
        assert await asked_at(port, "healthz") == ("200 OK", "ok\n")
        assert (await asked_at(port, "readyz"))[0] == "503 Not Ready"
        task.cancel()


async def test_loops_run_by_rhythm_and_on_command(desk: Desk) -> None:
    runs: list[float] = []

    async def look() -> None:
        runs.append(time.monotonic())
        if len(runs) == 1:
            raise Permanent("first one fails")

    async def handle(task: FileWork) -> Staged:
        return staged(task)

    files = desk.nats.files
    common = Common(data=files.data, nats=NatsSettings(url=files.url))
    async with open_service(PIXEL_SYNC, common) as service:
        task = asyncio.create_task(
            service.run({"pixel": handle}, [service.every("1h", look, "look")])
        )
        await desk.until(lambda: len(runs) == 1)
        operator = await desk.nats.connect("operator")
        answer = await operator.request("cmd.pixel_sync.run", b"")
        assert json.loads(answer.data) == {"runs": ["look"]}
        await desk.until(lambda: len(runs) == 2)
        await desk.until(
            lambda: any(
                a.key == "pixel_sync:look_failing" and not a.raised for a in desk.of(Attention)
            )
        )
        assert await asked_at(page_of(common), "readyz") == ("200 OK", "ready\n")
        service.stop()
        await task


async def test_a_lane_takes_what_it_may_have_now_and_leaves_the_rest_to_others(desk: Desk) -> None:
    begun: list[int] = []
    enough = asyncio.Event()

    async def handle(task: FileWork) -> Staged:
        begun.append(task.key)
        await enough.wait()
        return staged(task)

    allowed = iter((1, 3, 2))
    async with running(desk, handle, slots={"pixel": lambda: next(allowed)}) as (service, _):
        await desk.give(*(work(key) for key in range(1, 6)))
        await desk.until(lambda: begun == [1])
        service.resize()
        await desk.until(lambda: begun == [1, 2, 3])
        service.resize()
        await asyncio.sleep(0.2)
        assert await desk.pending(PIXEL) == (2, 3), "two are still there for anybody"
        enough.set()
        await desk.until(lambda: len(desk.of(Staged)) == 5)


async def test_a_closed_window_takes_no_work_until_a_person_opens_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.running._LOOK_AT_WINDOW_S", 0.05)

    async def handle(task: FileWork) -> Staged:
        return staged(task)

    far = (datetime.now(UTC).astimezone().hour + 12) % 24
    async with running(desk, handle, during=f"* {far} * * *") as (service, _):
        await desk.give(work(1))
        await asyncio.sleep(1)
        assert not desk.of(Staged)
        assert b'photoduct_stage_open{stage="pixel"} 0.0' in service.metrics.page()
        operator = await desk.nats.connect("operator")
        await operator.request("cmd.pixel_sync.run", b"")
        await desk.until(lambda: len(desk.of(Staged)) == 1)
        assert b'photoduct_stage_open{stage="pixel"} 1.0' in service.metrics.page()


@pytest.mark.parametrize("is_open", [True, False])
async def test_the_state_service_hears_who_is_there_and_whether_it_takes_work(
    desk: Desk, is_open: bool
) -> None:
    workers = Workers(registry := CollectorRegistry())
    await workers.listen(desk.connection)
    await desk.connection.nats.flush()

    async def handle(task: FileWork) -> Staged:
        return staged(task)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"photoduct_{name}", labels)

    far = (datetime.now().astimezone().hour + 12) % 24
    async with running(desk, handle, during=None if is_open else f"* {far} * * *"):
        await desk.until(lambda: value("workers", worker="pixel_sync") == 1)
        assert value("workers_open", stage="pixel") == is_open
    assert value("workers", worker="compressor") == 0
