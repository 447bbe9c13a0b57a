"""A simulated iCloud with a small library, signed in to by photoduct's own client, for the integration tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from shared.domain.events import PageSeen, Report
from shared.domain.ids import Kind, Resource
from shared.domain.work_items import DownloadWork
from tests.integration.icloud_sim import APPLE_ID, PASSWORD, Simulator, running

NAMES = ("one", "two", "three", "four", "five", "six")


class FixedClock:
    """Tells one time until it is set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass
class Bus:
    """Keeps what was said and answers as the state service would."""

    said: list[Report] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def say(self, report: Report) -> None:
        self.said.append(report)

    async def ask(self, name: str, question: Any, answer: type[Any]) -> Any:
        self.asked.append((name, question))
        found = self.answers.get(name)
        if name == "sync_token" and found is None:
            return answer(token=self.pages[-1].token if self.pages else None)
        return found(question) if callable(found) else found

    @property
    def pages(self) -> list[PageSeen]:
        return [report for report in self.said if isinstance(report, PageSeen)]


@dataclass(frozen=True)
class Cloud:
    """A running simulator and the settings that lead to it."""

    simulator: Simulator
    settings: ICloudSettings
    root: Path


@contextmanager
def cloud(tmp: Path, *, signed_in: bool = True) -> Iterator[Cloud]:
    """Run a simulator whose library has a Live Photo and plain photos."""
    make_library(tmp / "library")
    with (
        running(tmp / "library", tmp / "run", "--apple-id", APPLE_ID) as simulator,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")  # the settings have to win
        settings = ICloudSettings(
            apple_id=APPLE_ID,
            session_dir=tmp / "session",
            server=simulator.base_url,
            ca_bundle=Path(simulator.ca),
            timeout=30,
        )
        if signed_in:
            login(settings, PASSWORD, simulator.code)
        for area in ("incoming", "backup", "delete_pending"):
            (tmp / "media" / area).mkdir(parents=True)
        yield Cloud(simulator, settings, tmp / "media")


def make_library(folder: Path) -> None:
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.effect_noise((64 + number, 48), 90).save(folder / f"{name}.jpg")
    (folder / "one.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(range(256)) * 20_000)


def works(pages: list[PageSeen]) -> list[DownloadWork]:
    """Make the download work that the state service would, without its naming rules."""
    made: list[DownloadWork] = []
    for asset in (asset for page in pages for asset in page.assets):
        for resource in asset.resources:
            made.append(
                DownloadWork(
                    stage="download",
                    key=len(made) + 1,
                    attempt=1,
                    asset=asset.asset,
                    created=asset.created,
                    zone=asset.zone,
                    resource=resource.resource,
                    checksum=resource.checksum,
                    size=resource.size,
                    path=f"2026/11/{asset.asset}{resource.extension}",
                    kind=Kind.PHOTO if resource.resource is Resource.RECORD else resource.kind,
                )
            )
    return made
