"""What Prometheus is shown of the books."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from services.state.gauges import Gauges
from shared.domain.questions import Status


def status(work: dict[str, dict[str, int]], local: dict[str, int]) -> Status:
    return Status(
        counts={"local": local}, work=work, attention=(), totals={}, stage_seconds={}, looked=True
    )


def test_a_queue_that_was_worked_off_is_shown_empty() -> None:
    registry = CollectorRegistry()
    gauges = Gauges(registry)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    gauges.show(status({"compress": {"due": 7, "done": 1}}, {"wanted": 3}))
    assert value("photoduct_work", stage="compress", state="due") == 7
    assert value("photoduct_work", stage="nas", state="due") == 0
    gauges.show(status({"compress": {"done": 8}}, {"downloaded": 3}))
    assert value("photoduct_work", stage="compress", state="due") == 0
    assert value("photoduct_work", stage="compress", state="done") == 8
    assert value("photoduct_files", machine="local", state="wanted") == 0
    assert value("photoduct_files", machine="local", state="downloaded") == 3


def test_what_needs_a_person_is_shown_until_it_is_settled() -> None:
    registry = CollectorRegistry()
    gauges = Gauges(registry)

    def needed(key: str) -> float | None:
        return registry.get_sample_value("photoduct_open_attention", {"key": key})

    frozen = {"key": "deletion-frozen", "text": "Deletion is frozen: a copy differs."}
    gauges.show(status({}, {}).model_copy(update={"attention": (frozen,)}))
    assert (needed("deletion-frozen"), needed("nas_missing")) == (1, 0)
    gauges.show(status({}, {}))
    assert needed("deletion-frozen") == 0
