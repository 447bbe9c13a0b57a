"""Who may say and hear what on the bus, made from the stage table; pure, and nobody gets a subject that is not their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.domain.pipeline import (
    ADVISORIES_STREAM,
    OPERATOR_ASKS,
    REPORTS_CONSUMER,
    REPORTS_STREAM,
    SERVICES,
    STAGES,
    alive_subject,
    progress_subject,
    report_subject,
    reports_of,
    stages_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.domain.pipeline import Service

STATE: Final = "state"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"
_READY: Final = "$JS.API.INFO"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one user may publish and subscribe; `responds`: may answer a request that it received."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    responds: bool = False


def permissions() -> dict[str, Allowed]:
    """Return every user's permissions by name."""
    return {
        **{service.name: _worker(service) for service in SERVICES},
        STATE: _state(),
        OPERATOR: Allowed(
            (*(f"ask.state.{name}" for name in OPERATOR_ASKS), "cmd.*.*"),
            (_inbox(OPERATOR), *(progress_subject(one.name) for one in SERVICES if one.shows)),
        ),
        ADMIN: Allowed(("$JS.API.>",), (_inbox(ADMIN),)),
    }


def _worker(service: Service) -> Allowed:
    consumers = [
        (stage.stream, stage.consumer(lane))
        for stage in stages_of(service.name)
        for lane in stage.lanes
    ]
    publish = (
        _READY,
        *_consuming(consumers),
        *(report_subject(service.name, report) for report in reports_of(service)),
        *(f"ask.state.{name}" for name in service.asks),
        alive_subject(service.name),
        *([progress_subject(service.name)] if service.shows else []),
    )
    return Allowed(publish, (_inbox(service.name), f"cmd.{service.name}.*"), responds=True)


def _state() -> Allowed:
    consumers = [(REPORTS_STREAM, REPORTS_CONSUMER), (ADVISORIES_STREAM, REPORTS_CONSUMER)]
    work = [(stage.stream, stage.consumer(lane)) for stage in STAGES for lane in stage.lanes]
    publish = (
        _READY,
        *(stage.subjects for stage in STAGES),
        *_consuming(consumers),
        *(f"$JS.API.STREAM.PURGE.{stage.stream}" for stage in STAGES),
        *(f"$JS.API.STREAM.INFO.{stage.stream}" for stage in STAGES),
        f"$JS.API.STREAM.INFO.{REPORTS_STREAM}",
        *(f"$JS.API.CONSUMER.INFO.{stream}.{consumer}" for stream, consumer in work + consumers),
    )
    return Allowed(
        publish, (_inbox(STATE), "ask.state.*", "cmd.state.*", alive_subject("*")), responds=True
    )


def _consuming(consumers: Iterable[tuple[str, str]]) -> list[str]:
    """Return what it takes to pull from the consumers and to acknowledge."""
    return [
        subject
        for stream, consumer in consumers
        for subject in (
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
            f"$JS.ACK.{stream}.{consumer}.>",
        )
    ]


def _inbox(user: str) -> str:
    return f"_INBOX_{user}.>"
