"""Writes docs/states.md: a picture of each state machine, from the table of legal moves; it adds no move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.docs.bus import MADE
from shared.domain.states import MOVES

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = {
    "local": "Where the downloaded bytes of a media lie in the library.",
    "google": "How far Google Photos' evidence for a media has come; it climbs one step at a time.",
    "nas": "Whether the NAS is proven to hold the original bytes of a media.",
    "compression": "What the compressor made of a media; a rendition never counts as a copy.",
    "removal": "How far an asset is on its way out of iCloud. `intent` is written only together with a permit.",
}


def page() -> str:
    """Return docs/states.md."""
    lines = (
        "# The state machines",
        MADE.format(source="`shared/domain/states.py`"),
        "The database refuses every move that is not drawn here. `local`, `google`, `nas` and `compression` belong to "
        "a media (one file), `removal` to an asset (one photo with all its files).",
        *(line for machine in MOVES for line in _machine(machine)),
    )
    return "\n\n".join(lines) + "\n"


def diagram(machine: str) -> str:
    """Return one machine as a mermaid state diagram; a state without a way on leads to the end."""
    return "\n".join(("stateDiagram-v2", *(f"    {move}" for move in _moves(machine))))


def _machine(machine: str) -> Iterator[str]:
    yield f"## {machine}"
    yield ABOUT[machine]
    yield f"```mermaid\n{diagram(machine)}\n```"


def _moves(machine: str) -> Iterator[str]:
    for old, news in MOVES[machine].items():
        for new in news or ("",):
            yield f"{_name(old)} --> {_name(new)}"


def _name(state: str) -> str:
    return state or "[*]"
