"""Writes docs/events.md: all that travels on the bus, from the stage table and the messages; it invents no text of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.docs.models import own_fields, summary
from shared.domain import events, work_items
from shared.domain.pipeline import (
    OPERATOR_ASKS,
    SERVICES,
    STAGES,
    Service,
    Stage,
    progress_subject,
    report_subject,
    reports_of,
)
from shared.domain.progress import Alive, Progress, UnderWay
from shared.domain.seen import AlbumSeen, AssetSeen, Membership, ResourceSeen
from shared.domain.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

MADE = "<!-- Made by `python -m shared.docs` from {source}; edit that and run it again. -->"
PARTS = (work_items.FileRef, AssetSeen, ResourceSeen, AlbumSeen, Membership)
"""Models that travel only inside others."""
WORK_BASES = (work_items.Work, work_items.FileWork)
REPORT_BASES = (events.Report, events.Outcome)


def works() -> tuple[type[work_items.Work], ...]:
    """Return every kind of work that a stage takes, once."""
    return tuple(dict.fromkeys(stage.work for stage in STAGES))


def reports() -> tuple[type[events.Report], ...]:
    """Return every kind of report that a service publishes, once, in the order of the pipeline."""
    return tuple(dict.fromkeys(report for service in SERVICES for report in reports_of(service)))


def page() -> str:
    """Return docs/events.md."""
    source = "`pipeline.py`, `work_items.py` and `events.py` in `shared/domain/`"
    lines = (
        "# What travels on the bus",
        MADE.format(source=source),
        "**Work** says what a stage should do next; only the state service publishes it. A **report** says what has "
        "happened; only workers publish it. Both are JSON, refuse unknown fields and carry a version `v` (now 1). "
        "Neither can authorise a deletion: that is a question, `claim_deletion`, and its answer.",
        "## Work",
        *_stages(),
        *_models((*WORK_BASES, *(work for work in works() if work not in WORK_BASES))),
        "## Reports",
        "A second report with the same `id` changes nothing. An outcome ends the task that it names.",
        *_models(REPORT_BASES),
        *(line for report in reports() for line in _report(report)),
        "## Parts of other messages",
        *_models(PARTS),
        "## Progress",
        "Said on `progress.<service>` to whoever listens, kept by nobody; nothing is decided by it. It comes every two seconds while something is under way, "
        "and at once when asked for by `cmd.<service>.progress`.",
        *(
            line
            for service in SERVICES
            for shown in service.shows
            for line in _shown(service, shown)
        ),
        *_models((UnderWay,)),
        "Every worker says on `alive.<service>`, four times a minute, that it is there; the state service shows it to Prometheus.",
        *_models((Alive,)),
        "## Questions to the state service",
        "Request and reply on `ask.state.<name>`; the models are in `shared/domain/questions.py`.",
        *_questions(),
    )
    return "\n\n".join(lines) + "\n"


def _stages() -> Iterator[str]:
    head = (
        "stage",
        "service",
        "subjects",
        "body",
        "ends with",
        "ack wait",
        "tries",
        "slots",
        "what it does",
    )
    yield _table(head, (_stage_row(stage) for stage in STAGES))


def _stage_row(stage: Stage) -> tuple[str, ...]:
    return (
        stage.name,
        stage.service,
        ", ".join(f"`{stage.subject(lane)}`" for lane in stage.lanes),
        f"`{stage.work.__name__}`",
        ", ".join(f"`{kind.__name__}`" for kind in stage.emits),
        f"{stage.ack_wait:g} s",
        str(stage.tries),
        str(stage.slots),
        stage.about,
    )


def _shown(service: Service, shown: type[Progress]) -> Iterator[str]:
    yield f"### `{shown.__name__}`"
    yield f"`{progress_subject(service.name)}`. {summary(shown)}"
    yield from _fields(shown)


def _models(models: Iterable[type[BaseModel]]) -> Iterator[str]:
    for model in models:
        parent = model.__bases__[0]
        also = f" All of `{parent.__name__}`, and:" if parent is not Wire else ""
        yield f"### `{model.__name__}`"
        yield summary(model) + also
        yield from _fields(model)


def _report(report: type[events.Report]) -> Iterator[str]:
    subjects = [
        f"`{report_subject(service.name, report)}`"
        for service in SERVICES
        if report in reports_of(service)
    ]
    yield f"### `{report.__name__}`"
    yield f"{', '.join(subjects)}. {summary(report)} All of `{report.__bases__[0].__name__}`" + (
        ", and:" if own_fields(report) else "."
    )
    yield from _fields(report)


def _fields(model: type[BaseModel]) -> Iterator[str]:
    fields = own_fields(model)
    if fields:
        rows = (
            (f"`{f.name}`", f"`{f.type}`", f"`{f.default}`" if f.default else "", f.about)
            for f in fields
        )
        yield _table(("field", "type", "default", "meaning"), rows)


def _questions() -> Iterator[str]:
    rows = [(service.name, _names(service.asks)) for service in SERVICES if service.asks]
    yield _table(("who", "may ask"), (*rows, ("the person (`operator`)", _names(OPERATOR_ASKS))))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    return "\n".join(
        "| " + " | ".join(c.replace("|", r"\|") for c in line) + " |" for line in lines
    )
