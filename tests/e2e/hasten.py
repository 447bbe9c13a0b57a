"""Shortens the bus's patience with workers that fell silent from minutes to seconds, so that a test can wait for it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.domain import pipeline
from shared.runtime import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 4.0
HASTY = Path(__file__).parent / "hasty"
ROOT = Path(__file__).parents[2]


def hasten() -> None:
    """Change this process's stage table (heartbeats follow it) and what it tells the bus of the reports."""
    for stage in pipeline.STAGES:
        object.__setattr__(stage, "ack_wait", PATIENCE_S)
    unhurried = bootstrap.reports_consumer

    def reports_consumer() -> dict[str, Any]:
        return unhurried() | {"ack_wait": int(PATIENCE_S * 1_000_000_000)}

    bootstrap.reports_consumer = reports_consumer


@contextmanager
def hastened() -> Iterator[None]:
    """Hasten this process, and each one that it starts, until the end."""
    before = [(stage, replace(stage)) for stage in pipeline.STAGES]
    unhurried, path = bootstrap.reports_consumer, os.environ.get("PYTHONPATH")
    hasten()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HASTY), str(ROOT), *([path] if path else [])])
    try:
        yield
    finally:
        bootstrap.reports_consumer = unhurried
        for stage, was in before:
            object.__setattr__(stage, "ack_wait", was.ack_wait)
        os.environ.pop("PYTHONPATH") if path is None else os.environ.update(PYTHONPATH=path)
