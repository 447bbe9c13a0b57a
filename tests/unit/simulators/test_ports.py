"""Ports that are chosen now and used later: nobody else gets them meanwhile."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simulators import ports

ROOT = Path(__file__).parents[3]
FEW = range(28_000, 28_014)
OTHER = f"""
from simulators import ports
ports._PORTS = range({FEW.start}, {FEW.stop})
print(*(ports.free_port() for _ in range(4)))
"""


def test_no_two_processes_are_given_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PORTS", FEW)
    mine = [ports.free_port() for _ in range(6)]
    said = subprocess.run(
        [sys.executable, "-c", OTHER], cwd=ROOT, capture_output=True, text=True, check=True
    )
    theirs = [int(word) for word in said.stdout.split()]
    assert len({*mine, *theirs}) == 6 + 4


def test_one_on_which_somebody_listens_is_seen() -> None:
    port = ports.free_port()
    ports.check_free(port)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        ports.check_free(port)
