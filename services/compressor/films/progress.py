"""Adds up how far the steps of one video are to how far the whole is; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.compressor.verdict import Progress


def only_forward(progress: Progress) -> Progress:
    """Pass on what is more than everything before: a step that is done once more takes nothing back."""
    most = 0.0

    def heard(done: float) -> None:
        nonlocal most
        if done > most:
            most = done
            progress(done)

    return heard


def part(progress: Progress, begin: float, end: float, whole: float = 1.0) -> Progress:
    """Return what hears how much of `whole` a step has done, where the step leads from `begin` to `end`."""
    return lambda done: progress(begin + (end - begin) * min(done / (whole or 1.0), 1.0))
