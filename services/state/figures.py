"""Counts in the books what only Prometheus asks for: the age of waiting work, evidence by its level, ended permits; it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select
from typing_extensions import override

from services.state import schema
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from prometheus_client.core import Metric
    from sqlalchemy.engine import Connection

LEVELS: Final = (
    *(("google", str(level)) for level in GoogleLevel if level is not GoogleLevel.NONE),
    ("nas", "cold"),
    ("nas", "weak"),
)
"""Every (copy, level) of evidence; the NAS's level is how strong the read was."""
ENDS: Final = ("deleted", "kept", "lapsed", "void")
"""How a permit can end: used, given back, never used, or taken back because the books were restored."""
_OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted at one instant; every stage, level and end is named, with 0 where there is none."""

    oldest: Mapping[str, float]
    """By stage, seconds since its oldest task could have been done; 0 when all is done."""
    evidence: Mapping[tuple[str, str], int]
    """Files by copy and level."""
    permits: Mapping[str, int]
    """Permits to delete, ever: by how they ended, or `open`."""


def count(connection: Connection, now: datetime) -> Figures:
    """Count; a task whose next try is still to come counts for no age."""
    return Figures(
        dict.fromkeys((stage.name for stage in STAGES), 0.0) | _oldest(connection, now),
        dict.fromkeys(LEVELS, 0) | _evidence(connection),
        dict.fromkeys((*ENDS, _OPEN), 0) | _permits(connection),
    )


def _oldest(connection: Connection, now: datetime) -> dict[str, float]:
    work = schema.work.c
    found: dict[str, float] = {}
    for state, since in (("due", work.due_at), ("out", work.published_at)):
        oldest = select(work.stage, func.min(since)).where(work.state == state, since.is_not(None))
        for stage, at in connection.execute(oldest.group_by(work.stage)):
            found[stage] = max(found.get(stage, 0.0), (now - at).total_seconds())
    return found


def _evidence(connection: Connection) -> dict[tuple[str, str], int]:
    media = schema.media.c
    google = select(media.google, func.count()).group_by(media.google)
    nas = (
        select(media.nas_grade, func.count())
        .where(media.nas == "verified")
        .group_by(media.nas_grade)
    )
    return {
        (copy, level): int(files)
        for copy, query in (("google", google), ("nas", nas))
        for level, files in connection.execute(query)
        if (copy, level) in LEVELS
    }


def _permits(connection: Connection) -> dict[str, int]:
    outcome = schema.permit.c.outcome
    end = case(
        (outcome.in_((_OPEN, "deleted", "void")), outcome),
        (outcome.like("kept%"), "kept"),
        else_="lapsed",
    )
    query = select(end, func.count()).where(schema.permit.c.media_id.is_(None)).group_by(end)
    return {name: int(n) for name, n in connection.execute(query)}


class FiguresOfBooks(Collector):
    """Shows what was counted last; nothing before the first count."""

    def __init__(self) -> None:
        self._last: Figures | None = None

    def show(self, figures: Figures) -> None:
        """Show these from now on."""
        self._last = figures

    @override
    def collect(self) -> Iterable[Metric]:
        """Return ages, evidence and permits."""
        if self._last is None:
            return
        oldest = GaugeMetricFamily(
            "photoduct_work_oldest_age_seconds",
            "Since the oldest task of a stage could have been done.",
            labels=["stage"],
        )
        for stage, seconds in self._last.oldest.items():
            oldest.add_metric([stage], seconds)
        evidence = GaugeMetricFamily(
            "photoduct_evidence",
            "Files by copy and the level of evidence for it.",
            labels=["copy", "level"],
        )
        for labels, files in self._last.evidence.items():
            evidence.add_metric(labels, files)
        deletions = CounterMetricFamily(
            "photoduct_deletions_total",
            "Permits to delete, by how they ended; only `deleted` ones were used.",
            labels=["outcome"],
        )
        for end in ENDS:
            deletions.add_metric([end], self._last.permits[end])
        yield from (oldest, evidence, deletions)
        yield GaugeMetricFamily(
            "photoduct_open_permits",
            "Permits to delete that can still be used or of which nothing was heard.",
            value=self._last.permits[_OPEN],
        )
