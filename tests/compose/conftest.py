"""One build for all tests, and a stack a test; without PHOTODUCT_COMPOSE=1 nothing here runs, and says so."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.compose.stack import IMAGES, USER, Stack, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

NOT_RUN = "needs a Docker engine, and minutes: set PHOTODUCT_COMPOSE=1 to run it, as .ci/run does"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("PHOTODUCT_COMPOSE") != "1":
        for item in items:
            if item.get_closest_marker("compose"):
                item.add_marker(pytest.mark.skip(reason=NOT_RUN))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build every image once, and return a folder whose mounts reach containers, as on any machine with systemd."""
    shared = tmp_path_factory.mktemp("compose")
    Stack("build", shared).compose(
        *(word for name in ("demo", "demo-proof", "tools") for word in ("--profile", name)),
        *("build", "-q"),
        within=600,
    )
    yield shared
    if made := run("docker", "image", "ls", "-q", "--filter", f"reference={IMAGES}").split():
        run("docker", "image", "rm", "-f", *set(made))


@pytest.fixture
def stack(built: Path) -> Callable[..., AbstractContextManager[Stack]]:
    """Give what opens a stack; at the end of its block nothing of it is left."""

    @contextmanager
    def opened(name: str, profiles: str = "demo", **more: str) -> Iterator[Stack]:
        folder = built / name
        for one in ("data", "media", "nas"):
            (folder / one).mkdir(parents=True)
            os.chown(folder / one, USER, USER)
        run("mount", "--bind", str(folder), str(folder))
        made = Stack(name, folder, profiles, more)
        try:
            run("mount", "--make-shared", str(folder))
            yield made
        finally:
            try:
                made.remove()
            finally:
                run("umount", str(folder))
                with suppress(OSError):
                    shutil.rmtree(folder)

    return opened
