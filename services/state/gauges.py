"""Shows the status of the books as Prometheus gauges; it counts and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Gauge

from shared.domain.pipeline import STAGES
from shared.domain.states import MOVES

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from shared.domain.questions import Status

_ALWAYS: Final = ("due", "out", "quarantined")
"""States of work that are shown as 0, too: alerts and scalers go by them."""
ALERTED: Final = (
    *("deletion-frozen", "copies-missing", "state:backup"),
    *("downloader:icloud-session", "icloud_cleanup:icloud-session"),
    *("downloader:icloud-session-ends", "downloader:library", "downloader:disk_full"),
    "nas_sync:nas_missing",
)
"""Attention that has an alert of its own, or is asked for often; shown as 0, too. A worker's begins with its name."""


class Gauges:
    """One gauge a kind of count; labels are few and bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._files = Gauge(
            "photoduct_files",
            "Files by state machine and state.",
            ["machine", "state"],
            registry=registry,
        )
        self._work = Gauge(
            "photoduct_work", "Tasks by stage and state.", ["stage", "state"], registry=registry
        )
        self._known_files: set[tuple[str, str]] = set()
        self._known_work: set[tuple[str, str]] = set()
        self._bytes = Gauge(
            "photoduct_library_bytes", "Bytes by kind.", ["kind"], registry=registry
        )
        self._assets = Gauge("photoduct_assets", "Assets by kind.", ["kind"], registry=registry)
        self._needed = Gauge(
            "photoduct_open_attention",
            "1 while the books hold that a person is needed, whatever became of the service that said so.",
            ["key"],
            registry=registry,
        )
        self._known_needs: set[str] = set(ALERTED)

    def show(self, status: Status) -> None:
        """Set every gauge; what is counted no more is 0, and so is work of a stage that has none."""
        files = dict.fromkeys(
            ((machine, state) for machine, moves in MOVES.items() for state in moves if state), 0
        )
        files |= {
            (machine, state): count
            for machine, counts in status.counts.items()
            for state, count in counts.items()
        }
        work = dict.fromkeys(((stage.name, state) for stage in STAGES for state in _ALWAYS), 0)
        work |= {
            (stage, state): count
            for stage, states in status.work.items()
            for state, count in states.items()
        }
        _set(self._files, self._known_files, files)
        _set(self._work, self._known_work, work)
        self._show_needs({str(record["key"]) for record in status.attention})
        for name, count in status.totals.items():
            if name.startswith("bytes_"):
                self._bytes.labels(name.removeprefix("bytes_")).set(count)
            else:
                self._assets.labels(name).set(count)

    def _show_needs(self, open_now: set[str]) -> None:
        self._known_needs |= open_now
        for key in self._known_needs:
            self._needed.labels(key).set(key in open_now)


def _set(gauge: Gauge, known: set[tuple[str, str]], counts: dict[tuple[str, str], int]) -> None:
    """Show the counts; a state that nothing is in any more is no row of the books, and must not keep its last number."""
    for labels in known - counts.keys():
        gauge.labels(*labels).set(0)
    for labels, count in counts.items():
        gauge.labels(*labels).set(count)
    known.update(counts)
