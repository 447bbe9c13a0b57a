"""What befalls a sync in a storm, and over which library; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from benchmarks.downloader.apple import Rate
from services.downloader.settings import DownloaderSettings


@dataclass(frozen=True, slots=True)
class Storm:
    """A library and what befalls its sync."""

    photos: int
    library: str
    kill_every: float
    rate: Rate
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    throttled: float = 0.05
    truncated: float = 0.02
    expired: float = 0.02
    stalled: float = 0.01
    most_kills: int | None = None
    """After so many it is left in peace; None: killed until the end."""
    within: float = 1800.0

    @property
    def concurrency(self) -> int:
        """Downloads that are under way at once, at most."""
        given = self.settings.get("downloader", {})
        return DownloaderSettings.model_validate(given).concurrency

    def faults(self) -> list[dict[str, Any]]:
        """Return them as the simulator reads them: throttles of everything, the others of downloads."""
        slow = {"do": "status", "status": 503, "retry_after": "1", "probability": self.throttled}
        kinds = ("download", "changes/zone", "records/lookup")
        return [
            *({"kind": kind, "seed": number, **slow} for number, kind in enumerate(kinds)),
            _of_downloads("truncate", self.truncated, 11),
            _of_downloads("expired", self.expired, 12),
            _of_downloads("stall", self.stalled, 13) | {"seconds": 3600},
        ]


def _of_downloads(do: str, share: float, seed: int) -> dict[str, Any]:
    return {"kind": "download", "do": do, "probability": share, "seed": seed}


_LIBRARY: Final = "bytes=200000-2000000,seed=4,live=0.1,live_bytes=500000,edited=0.05,raw=0.02"
FULL: Final = Storm(
    1200, _LIBRARY, 20, Rate(40, 200), {"downloader": {"stall_seconds": 10}, "icloud": {"timeout": 10}}
)  # fmt: skip
QUICK: Final = Storm(
    150,
    "bytes=50000-300000,seed=4,live=0.1,live_bytes=100000,edited=0.05,raw=0.02",
    kill_every=5,
    most_kills=3,
    rate=Rate(20, 20),
    settings={
        "downloader": {"stall_seconds": 2},
        "icloud": {"timeout": 2},
        "state": {"first_retry": "0.2s", "patience": "2s", "reconcile_every": "1s"},
    },
    within=120,
)
BRIEF: Final = replace(QUICK, most_kills=2)
"""For a look whether it works; the bus's patience with the killed is what takes its time (a minute)."""
