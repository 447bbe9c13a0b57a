"""What a service counts, in Prometheus' terms; no label is ever per file."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = Counter(
            "photoduct_jobs_total", "Tasks ended.", ["stage", "outcome"], registry=self.registry
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

    def page(self) -> bytes:
        """Return the page that Prometheus reads."""
        return generate_latest(self.registry)
