"""When the phone was last connected, as Prometheus is shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from typing_extensions import override

from services.pixel_sync.seen import Seen
from shared.domain.errors import Transient
from tests.unit.downloader.fakes import FakeClock
from tests.unit.pixel_sync.test_stage import FakePhone

if TYPE_CHECKING:
    from datetime import datetime


class Answering(FakePhone):
    """A phone's Syncthing that says what it is told to."""

    said: datetime | Transient | None = None

    @override
    async def phone_seen(self) -> datetime | None:
        if isinstance(self.said, Transient):
            raise self.said
        return self.said


async def test_the_last_answer_stands_while_syncthing_is_away() -> None:
    phone, registry = Answering(), CollectorRegistry()
    look = Seen(phone, registry)  # type: ignore[arg-type]

    def shown() -> float | None:
        return registry.get_sample_value("photoduct_phone_last_seen_timestamp_seconds")

    await look()
    assert shown() == 0
    phone.said = FakeClock().now()
    await look()
    phone.said = Transient("Syncthing is away")
    await look()
    assert shown() == FakeClock().now().timestamp()
