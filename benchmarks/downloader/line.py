"""A pretended line between a client and a simulator: latency, and a rate that all connections share; it keeps no bytes.

python -m benchmarks.downloader.line --to PORT --told FILE [--latency-ms 40] [--mbit 200]

Every connection is passed on to PORT. One that begins with `CONNECT host:port` (of a program that was given
HTTPS_PROXY) is answered at once and passed on too, whatever host it names: a program that insists on Apple's own
host names meets the very same line.

It imitates the round trip of making a connection, the way of every byte, and in each direction a rate that the
connections share in turns. It imitates neither lost packets nor TCP's slow start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from benchmarks.downloader.carrying import Direction, Flow
from simulators.parent import end_with_parent


class Near(Flow):
    """The client's end: opens the far one a round trip after its first bytes."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.up)
        self._line = line
        self._head = b""
        self._opening: asyncio.Task[None] | None = None

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes; the head of a CONNECT is answered and goes no further."""
        if self._opening is None:
            self._head += data
            if self._head.startswith(b"CONNECT "):
                if b"\r\n\r\n" not in self._head:
                    return
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                data = self._head.partition(b"\r\n\r\n")[2]
            self._opening = asyncio.ensure_future(self._open())
        if data:
            super().data_received(data)

    async def _open(self) -> None:
        await asyncio.sleep(self._line.up.delay + self._line.down.delay)
        far = Flow(self._line.down)
        far.peer = self
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: far, "127.0.0.1", self._line.port
            )
        except OSError:  # nobody listens: the client sees its connection break
            if self.transport is not None:
                self.transport.close()
        else:
            self._line.connections += 1
            self.meet(far)


@dataclass
class Line:
    """Both directions, and the port that they lead to."""

    port: int
    up: Direction
    down: Direction
    connections: int = 0


async def _main() -> None:
    asked = _parser().parse_args()
    delay, rate = asked.latency_ms / 2000, asked.mbit * 1e6 / 8
    line = Line(asked.to, Direction(rate, delay), Direction(rate, delay))
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Near(line), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    part = asked.told.with_suffix(".part")
    part.write_text(json.dumps({"port": port}))
    part.replace(asked.told)
    await ended.wait()
    server.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downloader.line")
    parser.add_argument("--to", type=int, required=True, help="the port of 127.0.0.1 behind it")
    parser.add_argument("--told", type=Path, required=True, help="where to write its own port")
    parser.add_argument("--latency-ms", type=float, default=40, help="a round trip")
    parser.add_argument("--mbit", type=float, default=200, help="each direction; 0: as it comes")
    return parser


if __name__ == "__main__":
    end_with_parent()
    asyncio.run(_main())
