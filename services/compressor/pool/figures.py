"""Counts in Prometheus' terms what the encoders do and how long it takes them; no label is ever per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.domain.ids import Kind

if TYPE_CHECKING:
    from services.compressor.verdict import Compressed, Left, Unreadable

_SECONDS: Final = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 10_800, 21_600)
_OUTCOMES: Final = ("compressed", "left", "unreadable", "failed", "given_back")


class Figures:
    """Every series is there from the start, with 0."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._in_work = Gauge(
            "photoduct_compressor_files_in_work",
            "Files that are decoded and encoded now.",
            ["kind"],
            registry=registry,
        )
        self._seconds = Histogram(
            "photoduct_compressor_file_duration_seconds",
            "How long a file took, by what became of it; its wait for a free encoder does not count.",
            ["kind", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._frames = Counter(
            "photoduct_compressor_frames_total",
            "Frames of videos that ffmpeg decoded or encoded, searches and proofs included.",
            registry=registry,
        )
        self._slots = Gauge(
            "photoduct_compressor_slots", "Files that may be in work at once.", registry=registry
        )
        for kind in Kind:
            self._in_work.labels(kind).set(0)
            for outcome in _OUTCOMES:
                self._seconds.labels(kind, outcome)

    def began(self, kind: Kind) -> None:
        """Note a file that is in work now."""
        self._in_work.labels(kind).inc()

    def ended(self, kind: Kind, outcome: str, seconds: float) -> None:
        """Note a file that no longer is."""
        self._in_work.labels(kind).dec()
        self._seconds.labels(kind, outcome).observe(seconds)

    def frames(self, more: int) -> None:
        """Note frames that went through ffmpeg."""
        self._frames.inc(more)

    def may_run(self, slots: int) -> None:
        """Note how many files may be in work at once."""
        self._slots.set(slots)


def outcome_of(found: Compressed | Left | Unreadable) -> str:
    """Return what became of a file, as a label."""
    return type(found).__name__.lower()
