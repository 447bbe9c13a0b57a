from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.compressor.encode import Job

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """Make a job for a file; `days` is the age of the photo."""
    (tmp_path / "compress").mkdir()

    def make(source: Path, days: int = 2000, **options: Any) -> Job:
        target = tmp_path / "compress" / source.name
        return Job(source, target, NOW - timedelta(days=days), NOW, **options)

    return make


@pytest.fixture(autouse=True)
def _no_debris(tmp_path: Path) -> Any:
    yield
    assert not list(tmp_path.rglob(".*.partial"))
