"""Makes the streams and consumers of the stage table, or brings them up to date; it never removes reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from shared.adapters.jetstream import connect
from shared.adapters.jetstream_admin import call, ensure_consumer, ensure_stream
from shared.domain.errors import Fatal
from shared.domain.pipeline import (
    ADVISORIES_STREAM,
    ADVISORIES_SUBJECT,
    REPORTS_CONSUMER,
    REPORTS_STREAM,
    REPORTS_SUBJECTS,
    STAGES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.adapters.jetstream import Connection, Login
    from shared.domain.pipeline import Stage

log = structlog.get_logger()
JOBS: Final = "JOB_"
_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400
_MAX_DELIVER: Final = 50
"""Generous: deaths of workers count here, reported failures do not (they are acknowledged)."""


DOORBELL: Final = {"persist_mode": "async"}
"""Work is stored without waiting for the disk: the books are the truth, and a power cut that takes work from the bus
is found by its number (`services.state.reconciler`). Reports are flushed one by one (`sync_interval: always`)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much the streams keep: bytes each, and days."""

    stream_bytes: int = 1 << 30
    days: int = 14


async def bootstrap(admin: Login, sizes: Sizes | None = None) -> None:
    """Make all streams and consumers as the admin user; doing it again changes nothing."""
    connection = await connect(admin)
    try:
        await make_all(connection, sizes or Sizes())
    finally:
        await connection.close()


async def make_all(connection: Connection, sizes: Sizes) -> None:
    """Make the job streams with a consumer a lane, the stream of reports, the one of advisories."""
    for stage in STAGES:
        work = stream_config(stage.stream, stage.subjects, sizes)
        await _ensure_doorbell(connection, {**work, **DOORBELL})
        for consumer in lane_consumers(stage):
            await ensure_consumer(connection, stage.stream, consumer)
    for stream, subjects in (
        (REPORTS_STREAM, REPORTS_SUBJECTS),
        (ADVISORIES_STREAM, ADVISORIES_SUBJECT),
    ):
        await ensure_stream(connection, stream_config(stream, subjects, sizes))
        await ensure_consumer(connection, stream, reports_consumer())


async def _ensure_doorbell(connection: Connection, config: dict[str, Any]) -> None:
    """Bring a stream of work up to date; make it anew where JetStream refuses, as it does for one of an older version.

    Only work may go like this: the books hold it, and the state service rings again for what was out. Reports exist
    nowhere else, so their stream is never deleted: there a refusal is Fatal.
    """
    try:
        await ensure_stream(connection, config)
    except Fatal:
        name = config["name"]
        if not name.startswith(JOBS):
            raise
        log.warning("A stream of work is made anew.", stream=name)
        await call(connection, f"STREAM.DELETE.{name}")
        await ensure_stream(connection, config)


def stream_config(name: str, subjects: str, sizes: Sizes) -> dict[str, Any]:
    """Describe a stream in JetStream's words.

    `limits` and not a work queue: there every acknowledgement costs an fsync; the state service purges instead.
    """
    return {
        "name": name,
        "subjects": [subjects],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": sizes.days * _DAY * _SECOND,
        "max_bytes": sizes.stream_bytes,
        "max_msgs": -1,
        "max_consumers": -1,
        "max_msg_size": -1,
        "num_replicas": 1,
        "duplicate_window": 600 * _SECOND,
    }


def lane_consumers(stage: Stage) -> Iterator[dict[str, Any]]:
    """Describe the durable consumer of each lane."""
    for lane in stage.lanes:
        yield {
            "durable_name": stage.consumer(lane),
            "filter_subject": stage.subject(lane),
            "ack_policy": "explicit",
            "ack_wait": int(stage.ack_wait * _SECOND),
            "deliver_policy": "all",
            "max_deliver": _MAX_DELIVER,
            "max_ack_pending": 1_000,  # the workers' slots bound what is in work
        }


def reports_consumer() -> dict[str, Any]:
    """Describe the state service's consumer.

    `explicit` and not `all`: there, the next acknowledgement would also stand for reports that were delivered into a
    connection that broke, and these would never be seen by anyone.
    """
    return {
        "durable_name": REPORTS_CONSUMER,
        "ack_policy": "explicit",
        "ack_wait": 30 * _SECOND,
        "deliver_policy": "all",
        "max_deliver": -1,
        "max_ack_pending": 5_000,
    }
