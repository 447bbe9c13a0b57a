"""Brings photoduct's books to where a large library is known and all work is done; it works on a measurement's own books only."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from benchmarks.downloader.product import alive

if TYPE_CHECKING:
    from benchmarks.downloader.product import Product

LISTING_ONLY: Final = {"library": {"free_space_floor": 1 << 60}}
"""With the disk told to be full no download begins; the look goes on."""


async def listed(product: Product, assets: int) -> float:
    """Let photoduct list the whole library for the first time, without downloading; return the seconds."""
    product.settings = LISTING_ONLY
    await product.install()
    begun = time.perf_counter()
    async with product.running() as processes:
        while product.assets() < assets or not await product.last_look():
            alive(processes)
            await asyncio.sleep(0.25)
        seconds = time.perf_counter() - begun
    product.settings = {}
    product.write_settings()
    return seconds


def mark_as_downloaded(product: Product) -> None:
    """Write into the books, which nobody has open, that every file is downloaded and no stage has work; the bus's queues go.

    The hashes are made up and the files do not exist: a look at iCloud needs neither.
    """
    with closing(sqlite3.connect(product.database)) as books, books:
        books.execute(
            "UPDATE media SET local = 'backup', status = 'downloaded', sha256 = printf('%064x', id),"
            " initial_size = listed_size WHERE local = 'wanted'"
        )
        books.execute("UPDATE work SET state = 'done', due_at = NULL, reason = NULL")
        books.execute("UPDATE asset SET wake_at = NULL")
    shutil.rmtree(product.folder / "data" / "jetstream")
