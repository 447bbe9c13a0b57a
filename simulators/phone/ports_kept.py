"""Chooses free loopback ports and keeps them over restarts, so that an address told once stays true."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class KeptPorts:
    """Ports by name, written to a file in the run folder."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def port(self, name: str, wanted: int = 0) -> int:
        """Answer `wanted`, else the port of the last run while it is free, else a new one."""
        if wanted:
            return wanted
        last = self._ports.get(name, 0)
        chosen = last if last and _is_free(last) else _free_port(set(self._ports.values()))
        self._ports[name] = chosen
        self._file.write_text(json.dumps(self._ports))
        return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
