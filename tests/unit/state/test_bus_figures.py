"""How full the bus is, as Prometheus is shown it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from services.state.bus_figures import BusFigures
from shared.domain.pipeline import ADVISORIES_STREAM, STAGES
from shared.runtime.permissions import permissions

HELD = {"state": {"messages": 9, "bytes": 80}, "config": {"max_bytes": 100}}
ANSWERS: dict[str, dict[str, Any]] = {
    "STREAM": HELD,
    "CONSUMER": {"num_pending": 3, "num_ack_pending": 1},
    "INFO": {"storage": 880},
}


class Bus:
    """Answers as JetStream does, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    async def request(self, subject: str, _body: bytes, within: float) -> Any:
        self.asked.append(subject)
        answer = ANSWERS[subject.split(".")[2]]
        refusal = {"error": {"description": "away", "err_code": 1}}
        return SimpleNamespace(data=json.dumps(refusal if self.away else answer).encode())


async def test_every_stream_that_may_be_asked_is_shown_with_what_is_still_unread() -> None:
    bus, figures, registry = Bus(), BusFigures(), CollectorRegistry()
    registry.register(figures)
    await figures.look(bus)  # type: ignore[arg-type]

    def value(name: str, stream: str) -> float | None:
        return registry.get_sample_value(f"photoduct_bus_{name}", {"stream": stream})

    for stream, unread in (("EVT", 4), *((stage.stream, 9) for stage in STAGES)):
        assert value("stream_bytes", stream) == 80
        assert value("stream_limit_bytes", stream) == 100
        assert value("stream_messages", stream) == 9
        assert value("unread_messages", stream) == unread
    assert registry.get_sample_value("photoduct_bus_stored_bytes") == 880
    assert not any(ADVISORIES_STREAM in subject for subject in bus.asked)
    assert set(bus.asked) <= set(permissions()["state"].publish)


async def test_a_bus_that_does_not_answer_shows_no_old_figures() -> None:
    bus, figures, registry = Bus(), BusFigures(), CollectorRegistry()
    registry.register(figures)
    await figures.look(bus)  # type: ignore[arg-type]
    bus.away = True
    await figures.look(bus)  # type: ignore[arg-type]
    assert registry.get_sample_value("photoduct_bus_stored_bytes") is None
