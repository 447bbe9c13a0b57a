"""Which workers are there, as Prometheus is shown it: on whichever machine, and no longer than they say so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client import CollectorRegistry

from services.state.workers import Workers
from shared.domain.events import Failed, Left, RenditionLost
from shared.domain.pipeline import SERVICES
from shared.domain.progress import Alive
from tests.unit.state.plan_case import NOW

if TYPE_CHECKING:
    from shared.domain.events import Report

PROMETHEUS = Path(__file__).parents[3] / "deploy/prometheus/prometheus.yml"
SCRAPES = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]


class Shown:
    def __init__(self) -> None:
        self.time, self.registry = 0.0, CollectorRegistry()
        self.workers = Workers(self.registry, lambda: self.time)

    async def hears(self, service: str, worker: str, *, takes_work: bool = True) -> None:
        body = Alive(worker=worker, open=takes_work).model_dump_json().encode()
        said: Any = SimpleNamespace(subject=f"alive.{service}", data=body)
        await self.workers.hear(said)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"photoduct_{name}", labels)


async def test_each_worker_counts_once_while_it_speaks() -> None:
    shown = Shown()
    assert all(shown.value("workers", worker=one.name) == 0 for one in SERVICES)
    assert shown.value("workers_open", stage="compress") is None, "there is none, so none is closed"
    for _ in range(2):
        await shown.hears("compressor", "elsewhere:7")
        await shown.hears("compressor", "elsewhere:8", takes_work=False)
    assert shown.value("workers", worker="compressor") == 2
    assert shown.value("workers_open", stage="compress") == 1
    assert shown.value("workers_open", stage="nas") is None
    shown.time = 59
    await shown.hears("compressor", "elsewhere:8", takes_work=False)
    shown.time = 61
    assert shown.value("workers", worker="compressor") == 1
    assert shown.value("workers_open", stage="compress") == 0
    shown.time = 200
    assert shown.value("workers", worker="compressor") == 0


def test_no_figure_has_a_label_of_prometheus_own() -> None:
    shown = Shown()
    labels = {
        name for family in shown.registry.collect() for one in family.samples for name in one.labels
    }
    own = {rule["target_label"] for job in SCRAPES for rule in job["relabel_configs"]}
    assert labels >= {"worker", "stage"}
    assert labels & (own | {"job", "instance"}) == set(), "else it is renamed to exported_..."


async def test_what_no_worker_says_counts_for_nothing() -> None:
    shown = Shown()
    nonsense: Any = SimpleNamespace(subject="alive.compressor", data=b"{}")
    await shown.workers.hear(nonsense)
    await shown.hears("stranger", "x:1")
    assert shown.value("workers", worker="compressor") == 0
    assert shown.value("workers", worker="stranger") is None


async def test_whoever_says_that_it_is_thousands_of_workers_takes_no_memory() -> None:
    shown = Shown()
    long: Any = SimpleNamespace(
        subject="alive.compressor", data=b'{"v":1,"open":true,"worker":"%s"}' % (b"x" * 1_000)
    )
    await shown.workers.hear(long)
    assert shown.value("workers", worker="compressor") == 0
    for one in range(3_000):
        await shown.hears("compressor", f"elsewhere:{one}")
    assert shown.value("workers", worker="compressor") == 1_000
    await shown.hears("nas_sync", "here:1")
    assert shown.value("workers", worker="nas_sync") == 1
    shown.time = 30
    await shown.hears("compressor", "elsewhere:7")
    shown.time = 61
    assert shown.value("workers", worker="compressor") == 1, "those that are known are heard still"


def test_ends_are_counted_by_stage_and_failures_are_none() -> None:
    shown = Shown()
    head = {"id": "x", "at": NOW, "stage": "compress", "key": 1, "attempt": 1, "asset": "A"}
    left: Report = Left(**head, reason="no smaller", tier="t", readable=True)
    failed: Report = Failed(**head, lasting="transient", reason="no line")
    lost: Report = RenditionLost(**{**head, "stage": "rendition"}, reason="gone")
    shown.workers.ended([left, failed, left, lost])
    assert shown.value("work_ended_total", stage="rendition") == 0, "it is made anew"
    assert shown.value("work_ended_total", stage="compress") == 2
    assert shown.value("work_ended_total", stage="nas") == 0
