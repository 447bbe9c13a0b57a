"""What Prometheus is shown of the books."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.nas_sync.ports import NasMissing
from services.state.gauges import ALERTED, Gauges
from shared.adapters.icloud_signin_errors import wants_sign_in
from shared.domain.questions import Status
from shared.ports.files import DiskFull

ROOT = Path(__file__).parents[3]


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
    assert value("photoduct_files", machine="nas", state="mismatch") == 0
    assert value("photoduct_files", machine="local", state="downloaded") == 3


def test_what_needs_a_person_is_shown_until_it_is_settled() -> None:
    registry = CollectorRegistry()
    gauges = Gauges(registry)

    def needed(key: str) -> float | None:
        return registry.get_sample_value("photoduct_open_attention", {"key": key})

    frozen = {"key": "deletion-frozen", "text": "Deletion is frozen: a copy differs."}
    gauges.show(status({}, {}).model_copy(update={"attention": (frozen,)}))
    assert (needed("deletion-frozen"), needed("nas_sync:nas_missing")) == (1, 0)
    gauges.show(status({}, {}))
    assert needed("deletion-frozen") == 0


def test_alerts_go_by_the_keys_under_which_services_say_what_they_wait_for() -> None:
    said = {
        f"downloader:{wants_sign_in().attention}",
        f"icloud_cleanup:{wants_sign_in().attention}",
        f"nas_sync:{NasMissing('').attention}",
        f"downloader:{DiskFull('').attention}",
    }
    assert said < set(ALERTED)
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text()
    asked = re.findall(r'photoduct_open_attention\{key(?:=|=~|!~)"([^"]+)"\}', rules)
    assert len(asked) >= 4
    for pattern in asked:
        assert any(re.fullmatch(pattern, key) for key in ALERTED), pattern
