"""What a service counts, in Prometheus' terms; no label is ever per file."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from shared import VERSION
from shared.domain.events import Failed

if TYPE_CHECKING:
    from shared.domain.pipeline import Stage

FAILURES: Final = ("transient", "permanent", "unreadable")
"""Outcomes of tasks that were not done: tried again, given up, and work that could not be read."""
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = Counter(
            "photoduct_jobs_total", "Tasks ended.", ["stage", "outcome"], registry=self.registry
        )
        self.job_bytes = Counter(
            "photoduct_job_bytes_total",
            "Bytes of the files of tasks that ended.",
            ["stage", "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "photoduct_job_duration_seconds",
            "How long a task took.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "photoduct_jobs_in_flight", "Tasks being worked on.", ["stage"], registry=self.registry
        )
        self.stage_open = Gauge(
            "photoduct_stage_open",
            "1 while a stage takes new work, 0 outside its window.",
            ["stage"],
            registry=self.registry,
        )
        self.last_success = Gauge(
            "photoduct_last_success_timestamp_seconds",
            "When a task or look last succeeded.",
            ["stage"],
            registry=self.registry,
        )
        self.attention = Gauge(
            "photoduct_attention", "1 while a person is needed.", ["key"], registry=self.registry
        )
        self.next_run = Gauge(
            "photoduct_next_run_timestamp_seconds",
            "When a look is due next.",
            ["stage"],
            registry=self.registry,
        )
        self.ready = Gauge(
            "photoduct_ready",
            "1 while the service has what it cannot work without, 0 while it waits for that.",
            registry=self.registry,
        )
        Info("photoduct_build", "What runs here.", registry=self.registry).info(
            {"version": VERSION, "python": platform.python_version()}
        )

    def expect(self, stage: Stage) -> None:
        """Show the figures of a stage as 0 from the start: what first appears with its first event has no rate."""
        done = (kind.model_fields["type"].default for kind in stage.emits if kind is not Failed)
        for outcome in (*done, *FAILURES):
            self.jobs.labels(stage.name, outcome)
            self.job_bytes.labels(stage.name, outcome)
        self.seconds.labels(stage.name)
        self.in_flight.labels(stage.name)
        self.stage_open.labels(stage.name).set(1)

    def page(self) -> bytes:
        """Return the page that Prometheus reads."""
        return generate_latest(self.registry)
