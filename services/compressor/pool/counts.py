"""Counts for Prometheus what the compressor read and made; no label is ever per file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from services.compressor.pool.figures import outcome_of
from services.compressor.verdict import Compressed, Left

if TYPE_CHECKING:
    from services.compressor.verdict import Unreadable
    from shared.domain.ids import Kind


class Counts:
    """Bytes that went in and came out, by kind (`photo`, `video`), tier and outcome (`compressed`, `left`, `unreadable`)."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
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

    def count(self, kind: Kind, size: int, found: Compressed | Left | Unreadable) -> None:
        """Count one original of `size` bytes and what became of it."""
        tier = found.tier if isinstance(found, Compressed | Left) else ""
        self._read.labels(kind, tier, outcome_of(found)).inc(size)
        if isinstance(found, Compressed):
            self._made.labels(kind, tier).inc(found.size)
