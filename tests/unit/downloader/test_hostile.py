"""Answers of any shape at all: a malformed record costs itself only, a malformed answer is an error that has a plan."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from services.downloader import joining
from services.downloader.joining import Joiner
from services.downloader.known import KnownAssets
from services.downloader.pages import Page, Stamp, Tokens, reports
from services.downloader.settings import DownloaderSettings
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_transport import CloudKit
from shared.adapters.icloud_zones import ICloudZones
from shared.domain.errors import PhotoductError
from shared.domain.events import PageSeen
from shared.ports.icloud import ChangePage
from tests.unit.downloader.fakes import FakeClock, FakeRecords, FakeZones
from tests.unit.downloader.samples import asset, master
from tests.unit.downloader.test_icloud_records import anything, records
from tests.unit.downloader.test_icloud_transport import Played

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "zones": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "records": json_values | st.lists(json_values, max_size=2),
                    "syncToken": json_values,
                    "moreComing": json_values,
                    "serverErrorCode": json_values,
                    "retryAfter": json_values,
                    "zoneID": json_values,
                    "deleted": json_values,
                },
            )
            | json_values,
            max_size=2,
        )
        | json_values,
        "records": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "recordName": st.sampled_from(["A", "B"]) | json_values,
                    "serverErrorCode": json_values,
                    "retryAfter": json_values,
                    "deleted": json_values,
                    "fields": json_values,
                },
            )
            | json_values,
            max_size=3,
        )
        | json_values,
        "serverErrorCode": json_values,
        "retryAfter": json_values,
    },
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_PAUSES", ())


@settings(max_examples=150)
@given(st.lists(records | anything, max_size=6), st.booleans())
def test_a_page_of_anything_is_joined_and_reported_with_its_good_asset(
    page: list[Any], answered: bool
) -> None:
    store = {"M9": master("M9")} | (
        {one["recordName"]: one for one in page if _named(one)} if answered else {}
    )
    zones = FakeZones({"PrimarySync": FakeRecords(store)})
    known = KnownAssets(zones, FakeClock(), DownloaderSettings())
    joiner = Joiner(zones.readers["PrimarySync"], known, "PrimarySync")
    found = ChangePage((*page, asset("GOOD-ONE", "M9"), master("M9")), "t", more=False)
    said = asyncio.run(joiner.join(found))
    (good,) = [one for one in said.assets if one.asset == "GOOD-ONE"]
    assert good.problem is None
    stamp = Stamp("PrimarySync", FakeClock().now(), 0)
    for report in reports(Page(None, final=True, said=said), stamp, Tokens(None, "t")):
        assert PageSeen.model_validate_json(report.model_dump_json()) == report


def _named(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("recordName"), str)


@settings(max_examples=200)
@given(shaped | json_values)
def test_an_answer_of_any_shape_is_read_or_is_an_error_that_has_a_plan(answer: Any) -> None:
    asyncio.run(_ask_all(answer))


async def _ask_all(answer: Any) -> None:
    session = Played(lambda _: httpx.Response(200, json=answer), Path(gettempdir()))
    session.settings = ICloudSettings(session_dir=Path(gettempdir()), shared_library=True)
    reader = ICloudRecords(CloudKit(session))
    with suppress(PhotoductError):
        await reader.changes("t")
    with suppress(PhotoductError):
        found = await reader.lookup(["A", "B"])
        assert set(found.found) | found.missing | set(found.failed) == {"A", "B"}
    with suppress(PhotoductError):
        assert "PrimarySync" in await ICloudZones(session).names()
    await session.client.aclose()
