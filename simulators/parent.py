"""Ends a simulator with the program that started it, however that ends; told by the environment, it forks nothing.

Not by `preexec_fn`: that makes Python fork with hooks, and an interrupt that arrives in one of them is swallowed.
"""

from __future__ import annotations

import os
from typing import Final

from shared.adapters.parent_death import DieWith

VARIABLE: Final = "SIMULATOR_PARENT"


def environment() -> dict[str, str]:
    """Return the environment for a simulator that shall end with this process."""
    return {**os.environ, VARIABLE: str(os.getpid())}


def end_with_parent() -> None:
    """Called by a simulator as it starts: ask the kernel to end it with its parent, if one was named."""
    parent = os.environ.get(VARIABLE, "")
    if parent.isdigit():
        DieWith(int(parent))()
