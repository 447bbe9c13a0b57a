"""Loops that fail for a long time go on trying."""

import asyncio

import pytest

from shared.adapters.prometheus import Metrics
from shared.domain.errors import Transient, Waiting
from shared.runtime.attention import AttentionBook
from shared.runtime.looping import Loop
from tests.unit.downloader.fakes import FakeClock


async def ignored(_report: object) -> None:
    return None


@pytest.mark.parametrize(
    "error", [Waiting("nobody has signed in", attention="a"), Transient("no answer")]
)
async def test_a_loop_outlives_any_number_of_failures_in_a_row(error: Exception) -> None:
    async def fail() -> None:
        raise error

    clock, metrics = FakeClock(), Metrics()
    book = AttentionBook("downloader", ignored, clock, metrics)
    loop = Loop("look", "15m", fail, asyncio.Event(), clock, metrics, book)
    for failures in (0, 1, 30, 5_000, 10_000_000):
        assert 0 < (await loop._try(failures) or 0) <= 300
