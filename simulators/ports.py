"""Chooses ports of this machine that nobody else takes before they are used; it listens on none.

A port that the system chose, and that was let go of again, is the system's to give to the next who asks for any.
"""

from __future__ import annotations

import atexit
import random
import socket
from collections import deque
from contextlib import suppress
from typing import Final

_PORTS: Final = range(12_000, 30_000)
"""Linux gives out those from 32768 on by itself, Kubernetes those from 30000 on."""
_HELD_AT_MOST: Final = 32
_held: Final[deque[socket.socket]] = deque()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of an address of this machine on which nothing listens, and that is returned to no other process that asks here.

    It stays so until this process has ended, or has asked for 32 more.
    """
    lots = random.SystemRandom()
    while True:
        port = lots.choice(_PORTS)
        with suppress(OSError):
            _hold(host, port)
            return port


def _hold(host: str, port: int) -> None:
    """Hold the UDP port of that number, as a sign for all others who ask; raises OSError where one of both is taken."""
    sign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sign.bind(("127.0.0.1", port))
        check_free(port, host)
    except OSError:
        sign.close()
        raise
    _held.append(sign)
    if len(_held) > _HELD_AT_MOST:
        _held.popleft().close()


@atexit.register
def _let_go() -> None:
    while _held:
        _held.popleft().close()


def check_free(port: int, host: str = "127.0.0.1") -> None:
    """Raise OSError when a program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
