"""Runs the benchmarks as a person does, on the quick sample of each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def quick(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the compressor's and return what became of it."""
    command = [sys.executable, "-m", "benchmarks.compressor", *arguments, "--quick"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def told(*arguments: str) -> str:
    """Run one of the compressor's, which has to work, and return what it says."""
    done = quick(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
