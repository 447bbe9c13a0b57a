"""Chooses free loopback ports and keeps them over restarts, so that an address told once stays true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulators.ports import check_free, free_port

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
        chosen = last if last and _is_free(last) else free_port()
        self._ports[name] = chosen
        self._file.write_text(json.dumps(self._ports))
        return chosen


def _is_free(port: int) -> bool:
    try:
        check_free(port)
    except OSError:
        return False
    return True
