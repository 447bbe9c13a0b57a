"""Counts the work with iCloud in Prometheus' terms; no label is ever per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_REQUEST: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LOOK: Final = (0.5, 1, 2, 5, 15, 60, 300, 900, 3600)


class ICloudMetrics:
    """An `Observe` over one service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "photoduct_icloud_request_seconds",
            "How long iCloud took to answer; of downloads, to begin.",
            ["kind", "outcome"],
            buckets=_REQUEST,
            registry=registry,
        )
        self._slowed = Counter(
            "photoduct_icloud_throttles_total",
            "Answers that asked for patience.",
            ["kind"],
            registry=registry,
        )
        self._limit = Gauge(
            "photoduct_icloud_concurrency_limit",
            "Requests that may be on their way.",
            ["kind"],
            registry=registry,
        )
        self._in_flight = Gauge(
            "photoduct_icloud_requests_in_flight",
            "Requests on their way.",
            ["kind"],
            registry=registry,
        )
        self._retried = Counter(
            "photoduct_download_retries_total",
            "Downloads begun again where they stopped.",
            ["reason"],
            registry=registry,
        )
        self._bytes = Counter(
            "photoduct_download_bytes_total", "Bytes that arrived.", registry=registry
        )
        self._files = Counter(
            "photoduct_download_files_total", "Files proven whole.", ["kind"], registry=registry
        )
        self._looks = Histogram(
            "photoduct_look_duration_seconds",
            "How long a whole look at iCloud took.",
            buckets=_LOOK,
            registry=registry,
        )
        self._assets = Counter(
            "photoduct_look_assets_total", "Assets that looks at iCloud showed.", registry=registry
        )

    def request(self, kind: str, outcome: str, seconds: float) -> None:
        """Note a request and how long its answer took."""
        self._requests.labels(kind, outcome).observe(seconds)

    def slowed(self, kind: str) -> None:
        """Note that Apple wanted to be asked less."""
        self._slowed.labels(kind).inc()

    def pace(self, kind: str, limit: int, in_flight: int) -> None:
        """Note how many requests may be, and are, on their way."""
        self._slowed.labels(kind)  # 0 until the first
        self._limit.labels(kind).set(limit)
        self._in_flight.labels(kind).set(in_flight)

    def retried(self, reason: str) -> None:
        """Note that a download was begun again where it stopped."""
        self._retried.labels(reason).inc()

    def received(self, size: int) -> None:
        """Note bytes of files that arrived."""
        self._bytes.inc(size)

    def file(self, kind: str) -> None:
        """Note a file that is whole and proven."""
        self._files.labels(kind).inc()

    def looked(self, seconds: float, assets: int) -> None:
        """Note a whole look and how many assets it showed."""
        self._looks.observe(seconds)
        self._assets.inc(assets)
