"""Makes Markdown tables and puts them between a page's markers; it measures nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Markers:
    """The lines of a page between which a program writes."""

    begin: str
    end: str


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_into(page: Path, made: str, markers: Markers) -> None:
    """Put text between the markers of a page; ValueError when it has none."""
    text = page.read_text()
    before, found, rest = text.partition(markers.begin)
    _, end, after = rest.partition(markers.end)
    if not (found and end):
        raise ValueError(f"{page} has no markers for these tables")
    page.write_text(f"{before}{markers.begin}\n{made}\n{markers.end}{after}")
