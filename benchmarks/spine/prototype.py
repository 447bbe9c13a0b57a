"""The reference: a spine as one would first write it, with the same durability and one message at a time.

State: SQLite (WAL, FULL); each event is one transaction of inbox + transition + outbox, then one publication, then
the acknowledgement. A work-queue stream a stage, `EVT` with limits, five workers that fetch one, report, ack.
`python -m benchmarks.spine.prototype <url> <database or stage name>` is one of its processes.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nats
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from benchmarks.shared.processes import FAST, Disk, Program
from benchmarks.spine.measure import Latency, spread
from benchmarks.spine.stack import ROOT
from shared.adapters import nats_server
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

STAGES: Final = ("download", "pixel", "nas", "compress", "cleanup")
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, stage INTEGER, done_at REAL);
    CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS history (file INTEGER, stage INTEGER, at REAL);
    CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, subject TEXT, body TEXT, sent INTEGER);
"""


class _State:
    def __init__(self, path: str, bus: JetStreamContext) -> None:
        self._bus = bus
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)

    async def take(self, message: Msg) -> None:
        event: dict[str, Any] = json.loads(message.data)
        if (work := self._commit(event)) is not None:
            key, subject, body = work
            await self._bus.publish(subject, body.encode(), headers={"Nats-Msg-Id": key})
            self._db.execute("UPDATE outbox SET sent = 1 WHERE id = ?", (key,))
        await message.ack()

    def _commit(self, event: dict[str, Any]) -> tuple[str, str, str] | None:
        """Apply one event in one transaction; returns the work that follows."""
        file, stage = event["file"], event["stage"] + 1
        work = (
            (f"{file}:{stage}", f"job.{STAGES[stage]}", json.dumps({"file": file}))
            if stage < len(STAGES)
            else None
        )
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        try:
            run("INSERT INTO inbox VALUES (?)", (f"{file}:{stage - 1}",))
        except sqlite3.IntegrityError:
            run("ROLLBACK")
            return None
        run("INSERT OR IGNORE INTO file VALUES (?, 0, NULL)", (file,))
        run("UPDATE file SET stage = ?, done_at = ? WHERE id = ? AND stage = ?",
            (stage, time.time(), file, max(0, stage - 1)))  # fmt: skip
        run("INSERT INTO history VALUES (?, ?, ?)", (file, stage, time.time()))
        if work is not None:
            run("INSERT INTO outbox VALUES (?, ?, ?, 0)", work)
        run("COMMIT")
        return work


async def process(url: str, role: str) -> None:
    """Run the state (role: a database path) or a worker (role: a stage) until it is killed."""
    client = await nats.connect(url)
    bus = client.jetstream()
    if role in STAGES:
        stage = STAGES.index(role)
        stream, durable = f"P_{role}", role

        async def do(message: Msg) -> None:
            body = json.dumps({**json.loads(message.data), "stage": stage}).encode()
            await bus.publish(f"evt.{role}", body)
            await message.ack()

    else:
        stream, durable = "P_EVT", "state"
        do = _State(role, bus).take
    pull = await bus.pull_subscribe_bind(durable=durable, stream=stream)
    while True:
        with suppress(NatsTimeout):
            for message in await pull.fetch(1, timeout=5):
                await do(message)


@asynccontextmanager
async def prototype(disk: Disk = FAST) -> AsyncIterator[tuple[JetStreamContext, Path]]:
    """Run the whole prototype; yields its bus and its database."""
    async with AsyncExitStack() as exits:
        name = exits.enter_context(tempfile.TemporaryDirectory(prefix="spine-old-"))
        folder, port = Path(name), free_port()
        config, database = folder / "nats.conf", folder / "state.db"
        config.write_text(
            f'listen: 127.0.0.1:{port}\njetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n'
        )
        _run(
            exits, "nats-server", [str(nats_server.find_binary()), "-c", str(config)], folder, disk
        )
        await nats_server.answers(port)
        url = f"nats://127.0.0.1:{port}"
        client = await nats.connect(url)
        exits.push_async_callback(client.close)
        bus = client.jetstream()
        await _make_streams(bus)
        command = [sys.executable, "-m", "benchmarks.spine.prototype", url]
        _run(exits, "state", [*command, str(database)], folder, disk)
        for stage in STAGES:
            _run(exits, stage, [*command, stage], folder, FAST)
        await _has_tables(database)
        yield bus, database


async def _has_tables(database: Path) -> None:
    """Wait for the state process; its tables are made in one statement after the other, `outbox` last."""
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'outbox'"
    found = 0
    while not found:
        await asyncio.sleep(0.05)
        with suppress(sqlite3.OperationalError):
            reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            found = reader.execute(query).fetchone()[0]
            reader.close()


def _run(exits: AsyncExitStack, name: str, command: list[str], folder: Path, disk: Disk) -> None:
    exits.push_async_callback(Program(name, command, folder, disk, {"PYTHONPATH": str(ROOT)}).stop)


async def _make_streams(bus: JetStreamContext) -> None:
    for name, subject, durable, kind in (
        ("P_EVT", "evt.*", "state", RetentionPolicy.LIMITS),
        *((f"P_{one}", f"job.{one}", one, RetentionPolicy.WORK_QUEUE) for one in STAGES),
    ):
        config = StreamConfig(
            name=name, subjects=[subject], retention=kind, storage=StorageType.FILE,
            duplicate_window=600,
        )  # fmt: skip
        await bus.add_stream(config)
        await (await bus.pull_subscribe(subject, durable=durable, stream=name)).unsubscribe()


async def put_in(bus: JetStreamContext, database: Path, files: range) -> float:
    """Send files in at once; returns the seconds until all are through."""
    reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    query = f"SELECT count(*) FROM file WHERE stage = {len(STAGES)} AND id >= {files.start}"  # noqa: S608
    begun = time.perf_counter()
    sent = [
        bus.publish("evt.seen", json.dumps({"file": key, "stage": -1}).encode()) for key in files
    ]
    await asyncio.gather(*sent)
    every = 0.0005 if len(files) == 1 else 0.02
    while reader.execute(query).fetchone()[0] < len(files):  # noqa: ASYNC110 - another process writes them
        await asyncio.sleep(every)
    reader.close()
    return time.perf_counter() - begun


async def measured(disk: Disk, count: int, singles: int) -> tuple[float, Latency]:
    """Return files per second saturated, and the unloaded latency of a file."""
    async with prototype(disk) as (bus, database):
        await put_in(bus, database, range(1, 11))
        rate = count / await put_in(bus, database, range(1_000, 1_000 + count))
        numbers = range(10**6, 10**6 + singles)
        took = [1000 * await put_in(bus, database, range(n, n + 1)) for n in numbers]
    return rate, spread(took)


if __name__ == "__main__":
    main: Callable[[str, str], Any] = process
    asyncio.run(main(sys.argv[1], sys.argv[2]))
