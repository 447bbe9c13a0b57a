"""Apple's wish to be left alone holds for every process and over a restart, for each kind of its hosts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from shared.adapters.icloud_download import ICloudDownload
from shared.adapters.icloud_patience import Patience
from shared.adapters.icloud_transport import CloudKit
from shared.ports.icloud import SlowedDown
from tests.unit.downloader.fakes import FakeClock
from tests.unit.downloader.test_icloud_transport import Played

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "https://content.test/file"


class Apple:
    """Answers with what is put into it, and counts."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answers.pop(0)


async def fetch(session: Played) -> None:
    async with ICloudDownload(session)(ADDRESS, 0):
        pass


async def refused(folder: Path, apple: Apple, *, download: bool = False) -> float:
    """Ask as a process would that has just been started; return the seconds of the refusal."""
    session = Played(apple, folder)
    with pytest.raises(SlowedDown) as caught:
        await (fetch(session) if download else CloudKit(session).post("records/lookup", {}))
    await session.client.aclose()
    return caught.value.retry_after


@pytest.mark.parametrize("download", [False, True])
async def test_a_wish_is_kept_over_a_restart_and_nobody_asks_before(
    tmp_path: Path, download: bool
) -> None:
    apple = Apple(httpx.Response(503, headers={"Retry-After": "120"}))
    assert await refused(tmp_path, apple, download=download) == 120
    for _ in range(2):
        assert 118 < await refused(tmp_path, apple, download=download) <= 120
    assert apple.asked == 1


async def test_a_wish_of_one_kind_of_hosts_is_none_of_the_other(tmp_path: Path) -> None:
    apple = Apple(
        httpx.Response(429, headers={"Retry-After": "120"}), httpx.Response(200, json={"a": 1})
    )
    await refused(tmp_path, apple, download=True)
    session = Played(apple, tmp_path)
    assert await CloudKit(session).post("records/lookup", {}) == {"a": 1}
    await session.client.aclose()


async def test_a_wish_inside_an_answer_counts_for_a_deletion_of_another_process(
    tmp_path: Path,
) -> None:
    body = {"serverErrorCode": "THROTTLED", "retryAfter": 300}
    apple = Apple(httpx.Response(200, json=body))
    await refused(tmp_path, apple)
    session = Played(apple, tmp_path)
    with pytest.raises(SlowedDown):
        await CloudKit(session).post_once("records/modify", {})
    await session.client.aclose()
    assert apple.asked == 1


def test_a_wish_ends_at_its_moment_and_the_longer_one_holds(tmp_path: Path) -> None:
    clock = FakeClock()
    patience = Patience(tmp_path, "requests", clock)
    patience.check()
    patience.wished(100)
    patience.wished(10)
    clock.time += timedelta(seconds=60)
    with pytest.raises(SlowedDown) as caught:
        patience.check()
    assert caught.value.retry_after == 40
    clock.time += timedelta(seconds=40)
    patience.check()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"until": 3}', '{"until": "soon"}', '{"until": "2026-01-01"}']
)
def test_a_damaged_note_and_a_clock_that_was_set_back_hold_nobody_up(
    tmp_path: Path, text: str
) -> None:
    clock = FakeClock()
    patience = Patience(tmp_path, "requests", clock)
    (tmp_path / "patience-requests.json").write_text(text)
    patience.check()
    patience.wished(100)
    clock.time -= timedelta(days=300)
    patience.check()


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    patience = Patience(tmp_path / "gone", "requests", FakeClock())
    patience.wished(100)
    patience.check()
