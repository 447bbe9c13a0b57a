"""What runs together where tests run in parallel (`-n 2 --dist loadfile`): a file stays in one process, heavy ones never meet.

And what Hypothesis may not fail a test for: an example, or the making of some, that took long on a busy machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

settings.register_profile("photoduct", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("photoduct")
_HEAVY: Final = ("tests/e2e/", "tests/fidelity/", "tests/unit/benchmarks/")
"""Folders whose tests start whole pipelines or measure time: of all of them, one at a time."""


def group_of(nodeid: str) -> str:
    """Return what a test shares a process with."""
    return "heavy" if nodeid.startswith(_HEAVY) else nodeid.partition("::")[0]


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out whole groups."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Replace xdist's own way of keeping files together; other ways stay as they are."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None
