"""Counts in Prometheus' terms what the encoders read and make, and how long it takes them; no label is ever per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.compressor.verdict import Compressed, Left, Unreadable
from shared.domain.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS: Final = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 10_800, 21_600)
_LOOKED_INTO: Final = ("compressed", "left", "unreadable")
_OUTCOMES: Final = (*_LOOKED_INTO, "failed", "given_back")


class Figures:
    """Every series is there from the start, with 0: a rate knows nothing of what came before a series' first value."""

    def __init__(
        self, registry: CollectorRegistry | None = None, tiers: Iterable[str] = ()
    ) -> None:
        """Take the names of the tiers that the settings have; what falls into none has the name ""."""
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
        self._read = Counter(
            "photoduct_compressor_input_bytes_total",
            "Bytes of the originals that were decoded, by what became of them.",
            ["kind", "tier", "outcome"],
            registry=registry,
        )
        self._made = Counter(
            "photoduct_compressor_output_bytes_total",
            "Bytes of the renditions that were made; the archive frees nothing yet while it keeps the originals.",
            ["kind", "tier"],
            registry=registry,
        )
        names = {*tiers, ""}
        for kind in Kind:
            self._in_work.labels(kind).set(0)
            for outcome in _OUTCOMES:
                self._seconds.labels(kind, outcome)
            for tier in names:
                self._made.labels(kind, tier)
                for outcome in _LOOKED_INTO:
                    self._read.labels(kind, tier, outcome)

    def began(self, kind: Kind) -> None:
        """Note a file that is in work now."""
        self._in_work.labels(kind).inc()

    def ended(self, kind: Kind, outcome: str, seconds: float) -> None:
        """Note a file that no longer is."""
        self._in_work.labels(kind).dec()
        self._seconds.labels(kind, outcome).observe(seconds)

    def looked_into(self, kind: Kind, size: int, found: Compressed | Left | Unreadable) -> None:
        """Note an original of `size` bytes and what became of it."""
        tier = "" if isinstance(found, Unreadable) else found.tier
        self._read.labels(kind, tier, outcome_of(found)).inc(size)
        if isinstance(found, Compressed):
            self._made.labels(kind, tier).inc(found.size)

    def frames(self, more: int) -> None:
        """Note frames that went through ffmpeg."""
        self._frames.inc(more)

    def may_run(self, slots: int) -> None:
        """Note how many files may be in work at once."""
        self._slots.set(slots)


def outcome_of(found: Compressed | Left | Unreadable) -> str:
    """Return what became of a file, as a label."""
    return type(found).__name__.lower()
