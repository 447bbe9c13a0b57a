"""A sync in a storm of throttles, torn and stalled downloads, dead addresses and kills: every file arrives once, and hardly a request too many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.downloader.storm import weather
from benchmarks.downloader.storm_plan import QUICK
from tests.e2e.hasten import hastened

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    with hastened():
        yield


async def test_a_storm_costs_no_file_and_no_request_that_it_does_not_explain() -> None:
    found = await weather(QUICK)
    found.check()
    assert found.files > QUICK.photos, "Live Photos, edits and RAWs have more files than one"
    assert len(found.kills) == QUICK.most_kills
    assert sum(kill.in_flight for kill in found.kills) > 0, "no kill met a download"
    for what in ("status", "truncate", "expired", "stall"):
        assert found.fired[f"{what} of download"] > 0, f"nothing was tested of {what}"


async def test_without_a_storm_each_file_is_asked_for_once() -> None:
    calm = replace(QUICK, photos=20, throttled=0, truncated=0, expired=0, stalled=0, most_kills=0)
    found = await weather(calm)
    found.check()
    assert found.asked["download"] == found.files
