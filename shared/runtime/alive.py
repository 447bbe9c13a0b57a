"""Says from time to time that a worker is there and whether it takes work, for whoever counts; nobody keeps it."""

from __future__ import annotations

import asyncio
import os
import platform
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shared.domain.errors import Transient
from shared.domain.pipeline import alive_subject
from shared.domain.progress import Alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.adapters.jetstream import Connection
    from shared.runtime.lane import Lane

EVERY_S: Final = 15.0


async def tell_alive(connection: Connection, service: str, lanes: Sequence[Lane]) -> None:
    """Say it for ever; while the bus is away nobody hears it."""
    worker = f"{platform.node()}:{os.getpid()}"
    while True:
        await connection.up()
        said = Alive(worker=worker, open=any(lane.is_open for lane in lanes))
        with suppress(Transient):
            await connection.publish(alive_subject(service), said.model_dump_json().encode())
        await asyncio.sleep(EVERY_S)
