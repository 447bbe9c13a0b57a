"""A folder for one measurement, on the disk where photos would lie, and gone after it."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE: Final = "PHOTODUCT_BENCHMARK_DIR"
"""Names the folder in which the measurements make theirs; else the one of temporary files."""


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Make it and take it away."""
    above = os.environ.get(WHERE)
    with tempfile.TemporaryDirectory(
        prefix=f"downloader-{name}-", dir=above, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
