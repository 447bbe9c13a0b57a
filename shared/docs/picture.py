"""Draws the pipeline for the README from the stage table and the list of services; it adds only the outside world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.pipeline import SERVICES, STAGES, STATE, Service, stages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = "<!-- pipeline: made by `python -m shared.docs` -->", "<!-- /pipeline -->"
OUTSIDE = {
    "downloader": ("icloud -->|originals| downloader",),
    "pixel_sync": ("pixel_sync -->|Syncthing| phone", "phone -->|uploads| google"),
    "nas_sync": ("nas_sync -->|original bytes| nas",),
    "icloud_cleanup": ("icloud_cleanup -->|album, soft delete| icloud",),
}
"""What each service meets outside photoduct; the compressor meets nothing."""
PLACES = ("icloud([iCloud])", "phone([Pixel phone])", "google([Google Photos])", "nas([NAS])")


def flowchart() -> str:
    """Return the mermaid flowchart: services with their numbered stages, around the state service."""
    return "\n".join(("flowchart LR", *(f"    {line}" for line in _lines())))


def within(readme: str) -> str:
    """Return the README with the picture between its markers made anew; ValueError without the markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has lost its markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n```mermaid\n{flowchart()}\n```\n{END}{after}"


def _lines() -> Iterator[str]:
    yield from PLACES
    yield f'{STATE.name}[("<b>{STATE.name}</b><br/>{STATE.about}")]'
    for service in SERVICES:
        yield f'{service.name}["<b>{service.name}</b><br/>{_stages(service)}"]'
    for service in SERVICES:
        yield f"{STATE.name} <-->|work, reports| {service.name}"
        yield from OUTSIDE.get(service.name, ())


def _stages(service: Service) -> str:
    numbers = {stage.name: number for number, stage in enumerate(STAGES, 1)}
    return "<br/>".join(f"{numbers[s.name]} {s.name}" for s in stages_of(service.name))
