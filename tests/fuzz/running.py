"""Runs atheris on seeds: what all campaigns here share."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def fuzz(one: Callable[[bytes], None], seeds: Iterable[bytes], longest: int) -> None:
    """Give `one` bytes that grow out of the seeds, `longest` at most; the program's own options are libFuzzer's."""
    import atheris  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory() as corpus:
        for n, seed in enumerate(seeds):
            (Path(corpus) / str(n)).write_bytes(seed)
        atheris.instrument_all()
        atheris.Setup([*sys.argv, f"-max_len={longest}", corpus], one)
        atheris.Fuzz()
